import { type NodeId, type PeerId, type RealmName, ReceiptStatus } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import { type Authenticator, OpenAuthenticator } from './authenticator.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import { Consistency, type ConsistencyReport, type Counts } from './consistency.ts';
import type { Counters, Gauges } from './counters.ts';
import { otherUrls, sendAway } from './drain.ts';
import { InboxReader } from './inbox-reader.ts';
import { Load } from './load.ts';
import { Lookup } from './lookup.ts';
import { Members } from './members.ts';
import type { Message } from './message.ts';
import { encodeEcho } from './node-frames.ts';
import { NodeLinks } from './node-links.ts';
import type { Location, Store } from './ports.ts';
import { PresenceBoard } from './presence-board.ts';
import { RealmAccounts } from './realm-accounts.ts';
import { Reaper } from './reaper.ts';
import { Rebalance, type RebalanceReply } from './rebalance.ts';
import { Receipts } from './receipts.ts';
import type { Recipient } from './recipient.ts';
import { Refusals } from './refusals.ts';
import { Registry } from './registry.ts';
import { Reservations } from './reservations.ts';
import { Retry } from './retry.ts';
import { Router } from './router.ts';
import { Session, type SessionDeps } from './session.ts';
import type { Settings } from './settings.ts';

const WINDOW_SWEEP_MS = 100;
const SECOND_MS = 1000;
const ACCOUNTS_MS = 250;
/** The others' numbers of connections must have changed before they are compared anew. */
const REBALANCE_MS = 10_000;
const SHUTTING_DOWN = 'the relay is shutting down';
/** Redis may start after its relays. */
const OPEN_FOR_MS = 30_000;

export interface RelayDeps {
  readonly settings: Settings;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  /** Open connections, for the other nodes. */
  readonly connections: () => number;
  /** The others have declared this node dead: all its connections are closed, and it must not go on under its id. */
  readonly onFenced: () => void;
}

/** One node: everything of the core, put together. */
export class Relay {
  readonly counters: Counters;
  private readonly deps: RelayDeps;
  private readonly sessions = new Map<number, Session>();
  private readonly links: NodeLinks;
  private readonly registry: Registry;
  private readonly router: Router;
  private readonly receipts: Receipts;
  private readonly refusals = new Refusals();
  private readonly accounts: RealmAccounts;
  private readonly presence: PresenceBoard;
  private readonly inbox: InboxReader;
  private readonly reservations: Reservations;
  private readonly sessionDeps: SessionDeps;
  private readonly rebalancing: Rebalance;
  private readonly consistency: Consistency;
  private readonly members: Members;
  private readonly reaper: Reaper;
  private readonly cancels: (() => void)[] = [];
  private unacknowledged: Recipient[] = [];
  private readonly echoes = new Map<number, () => void>();
  private lastEcho = 0;
  private lastSession = 0;
  private lastWrite = 0;
  private lastOrder = 0;
  /** The inbox is open: other nodes may hand things to this one. */
  private joined = false;
  private draining = false;
  /** The inbox takes no messages any more. */
  private closing = false;
  /** It has left, or the others have declared it dead. */
  private ended = false;

  constructor(deps: RelayDeps) {
    this.deps = deps;
    this.counters = deps.counters;
    const { settings, store, clock, timers, log, counters } = deps;
    const { refusals } = this;
    const self = settings.node;
    const common = { settings, clock, timers, counters };
    const load = new Load();
    const nextWrite = (): number => {
      this.lastWrite += 1;
      return this.lastWrite;
    };
    const nextOrder = (): number => {
      this.lastOrder += 1;
      return this.lastOrder;
    };
    this.accounts = new RealmAccounts({
      ledger: store.ledger,
      clock,
      counters,
      ttlMs: settings.mailboxTtlMs,
      maxBytes: settings.realmMailboxBytes,
    });
    this.links = new NodeLinks({
      self,
      links: store.links,
      clock,
      timers,
      counters,
      linkBytes: settings.linkBytes,
      inboxBytes: settings.inboxBytes,
      isGone: (node) => this.members.isDead(node),
      onClosed: (messages) => this.router.closedTo(messages),
      onFull: (message, certain) => {
        const status = certain ? ReceiptStatus.overloaded : ReceiptStatus.unavailable;
        this.receipts.refuse(message, status, 'inbox_full');
      },
      onGone: (node, forgotten) => {
        for (const message of forgotten) this.cameBack(message, null);
        this.router.nodeGone(node);
      },
    });
    this.receipts = new Receipts({
      self,
      clock,
      counters,
      refusals,
      toSession: (session, id, status) => this.sessions.get(session)?.receipt(id, status),
      toNode: (node, session, id, status, entry) => this.links.to(node).receipt(session, id, status, entry),
    });
    this.members = new Members({
      settings,
      membership: store.membership,
      clock,
      timers,
      log,
      connections: deps.connections,
      onDead: (node) => this.nodeDead(node),
      onUnreaped: (nodes) => {
        for (const node of nodes) void this.reaper.reap(node);
      },
      onRenewed: () => void this.keepInbox(),
      onFenced: () => this.fence(),
    });
    const isDead = (node: NodeId): boolean => this.members.isDead(node);
    const endFor = (key: PeerKey, location: Location): void => this.registry.endFor(key, location);
    this.presence = new PresenceBoard({
      self,
      presence: store.presence,
      links: this.links,
      clock,
      timers,
      counters,
      isDead,
      endFor,
    });
    this.registry = new Registry({
      ...common,
      store,
      isDead,
      members: this.members,
      links: this.links,
      router: () => this.router,
      presence: this.presence,
      recipient: {
        ...common,
        receipts: this.receipts,
        refusals,
        mailbox: store.mailbox,
        accounts: this.accounts,
        nextWrite,
        sweepLater: (recipient) => this.unacknowledged.push(recipient),
      },
    });
    this.router = new Router({
      ...common,
      receipts: this.receipts,
      refusals,
      lookup: new Lookup({ ...common, directory: store.directory, accounts: this.accounts, nextWrite }),
      links: this.links,
      toOwner: (message) => this.registry.owner(message.to)?.accept(message),
      endIfUnknown: (key, epoch) => this.registry.endIfUnknown(key, epoch),
      owns: (key) => this.registry.owner(key) !== undefined,
      isDead,
      endFor,
      onLost: (paths) => {
        for (const session of this.sessions.values()) session.waysLost(paths);
      },
      release: (key) => {
        const owner = this.registry.owner(key);
        if (owner !== undefined) owner.held = false;
      },
    });
    this.inbox = new InboxReader({
      self,
      inbox: store.inbox,
      links: this.links,
      clock,
      timers,
      log,
      counters,
      nextOrder,
      onMessage: (message) => this.dispatch(message),
      onReceipt: (session, id, status) => this.sessions.get(session)?.receipt(id, status),
      onReturned: (message, owner) => this.cameBack(message, owner),
      onHandover: (key, epoch) => this.registry.handOver(key, epoch),
      onTurn: (key, epoch) => this.registry.turn(key, epoch),
      onPresence: (change) => this.presence.heard(change),
      onEcho: (nonce) => {
        this.echoes.get(nonce)?.();
        this.echoes.delete(nonce);
      },
    });
    this.reservations = new Reservations({ settings, clock, directory: store.directory, registry: this.registry });
    this.reaper = new Reaper({
      settings,
      reaping: store.reaping,
      membership: store.membership,
      links: this.links,
      timers,
      log,
      counters,
      isDead,
      living: () => this.members.live.map(({ node }) => node),
      onReturned: (message) => this.cameBack(message, null),
    });
    store.onDisturbed(() => this.republish());
    this.rebalancing = new Rebalance({
      node: self,
      leaseMs: settings.nodeLeaseMs,
      timers,
      log,
      nodes: () => this.members.live,
      connections: deps.connections,
      clients: () => [...this.sessions.values()].filter(({ isStaying }) => isStaying),
    });
    this.consistency = new Consistency({
      settings,
      timers,
      audit: store.audit,
      directory: store.directory,
      counts: () => this.counts(),
      registrations: () => this.registry.all(),
      registration: (key) => this.registry.owner(key),
    });
    this.sessionDeps = {
      settings,
      clock,
      timers,
      log,
      counters,
      load,
      authenticator: this.authenticator(),
      registry: this.registry,
      presence: this.presence,
      sender: {
        settings,
        clock,
        counters,
        load,
        nextOrder,
        dispatch: (message) => this.dispatch(message),
        settled: (pending) => this.router.settled(pending),
        refused: (session, { to, run, order }, status) =>
          refusals.add({ origin: self, session, to, run, order }, status, clock.now()),
      },
      onFinished: ({ number }) => {
        this.sessions.delete(number);
        refusals.forget(self, number);
      },
    };
  }

  get settings(): Settings {
    return this.deps.settings;
  }

  /** Opens the inbox, begins to read it, and joins the cluster. Rejects when the store can't be reached for 30 s. */
  async start(): Promise<void> {
    this.joined = await this.openInbox();
    if (!this.joined) return;
    await this.members.start();
    if (this.draining || this.ended) return;
    this.inbox.start();
    this.every(WINDOW_SWEEP_MS, () => this.sweepWindows());
    this.every(ACCOUNTS_MS, () => void this.accounts.update());
    this.every(SECOND_MS, () => this.sweep());
    if (this.settings.rebalance === 'auto') this.every(REBALANCE_MS, () => void this.rebalance());
  }

  /** False: the node was stopped before the store could be reached. */
  private async openInbox(): Promise<boolean> {
    const { store, settings, clock, timers, log } = this.deps;
    const retry = new Retry();
    let warned = false;
    while (!this.draining) {
      const opened = await store.inbox.open(settings.node);
      if (opened.kind === 'opened') return true;
      if (opened.kind === 'ended') throw new Error(`the node id ${settings.node} has been used before`);
      const now = clock.now();
      const wait = retry.failed(now);
      const failedFor = retry.failedFor(now);
      if (failedFor > OPEN_FOR_MS) throw new Error(`Redis could not be reached: ${opened.reason}`);
      if (failedFor > SECOND_MS && !warned) log.warn({ reason: opened.reason }, 'waiting for Redis');
      warned ||= failedFor > SECOND_MS;
      await new Promise<void>((resume) => timers.after(wait, resume));
    }
    return false;
  }

  /** A client has connected. */
  open(connection: Connection): ConnectionHandler {
    this.lastSession += 1;
    const session = new Session(this.lastSession, connection, this.sessionDeps);
    this.sessions.set(this.lastSession, session);
    this.counters.connectionsOpened += 1;
    if (this.draining) session.goAway(SHUTTING_DOWN, 0, otherUrls(this.settings.node, this.members.live));
    return session;
  }

  /** Sends a probe through this node's own inbox; true when it came back within `ms`. */
  async echo(ms: number): Promise<boolean> {
    this.lastEcho += 1;
    const nonce = this.lastEcho;
    return new Promise((resolve) => {
      const cancel = this.deps.timers.after(ms, () => {
        this.echoes.delete(nonce);
        resolve(false);
      });
      this.echoes.set(nonce, () => {
        cancel();
        resolve(true);
      });
      this.links.to(this.deps.settings.node).control(encodeEcho(nonce));
    });
  }

  gauges(connections: number): Gauges {
    let sendsPending = 0;
    for (const session of this.sessions.values()) sendsPending += session.pendingCount;
    return {
      connections,
      registrations: this.registry.size,
      catchingUp: this.registry.catchingUp,
      cachedRoutes: this.router.size,
      linkFrames: this.links.frames,
      linkBytes: this.links.bytes,
      inboxUnsettled: this.inbox.unsettled,
      watchedPeers: this.presence.size,
      sendsPending,
    };
  }

  /** Sends the clients away that this node has too many, to nodes that have fewer; at most `limit`. */
  rebalance(limit?: number): RebalanceReply | { readonly kind: 'draining' } {
    return this.draining ? { kind: 'draining' } : this.rebalancing.start(limit);
  }

  checkConsistency(): Promise<ConsistencyReport> {
    return this.consistency.report();
  }

  private counts(): Counts {
    const sessions = [...this.sessions.values()];
    return {
      sockets: this.deps.connections(),
      connections: sessions.filter(({ isConnected }) => isConnected).length,
      welcomed: sessions.filter(({ isRegistered }) => isRegistered).length,
      registered: [...this.registry.all()].filter(({ state }) => state !== 'leaving' && state !== 'ended').length,
      linkBytes: this.links.bytes,
      frameBytes: this.links.frameBytes,
    };
  }

  /**
   * Sends all clients away, stores what they have not acknowledged, and leaves the cluster when everything taken from
   * others is settled; gives up waiting after `ms`.
   */
  async stop(ms: number): Promise<void> {
    if (this.draining || this.ended) return;
    this.draining = true;
    if (!this.joined) return;
    const deadline = this.deps.clock.now() + ms;
    this.members.drain();
    this.rebalancing.stop();
    const clients = [...this.sessions.values()].filter(({ isConnected }) => isConnected);
    sendAway(clients, SHUTTING_DOWN, ms, otherUrls(this.settings.node, this.members.live));
    await this.until(deadline, () => this.registry.open === 0);
    const finished = await this.finishInbox(deadline);
    await this.accounts.update();
    if (!this.ended) await this.leave(finished);
  }

  /** What is left in the log of a node that has not finished, others give back when its lease has run out. */
  private async leave(finished: boolean): Promise<void> {
    const { store, log, settings } = this.deps;
    this.ended = true;
    for (const cancel of this.cancels) cancel();
    await store.inbox.stop();
    if (finished) await store.inbox.remove(settings.node);
    else log.error({ unsettled: this.inbox.unsettled }, 'the inbox could not be finished in time');
    if (finished) await this.members.leave();
    this.halt();
  }

  /** The others take this node for dead, and settle in its stead: whatever it did now could only be done twice. */
  private fence(): void {
    if (this.ended) return;
    this.ended = true;
    this.deps.log.error({ event: 'fenced' }, 'this node has been declared dead: its lease was not renewed in time');
    for (const session of this.sessions.values()) session.fence();
    this.halt();
    void this.deps.store.inbox.stop();
    if (!this.draining) this.deps.onFenced();
  }

  private halt(): void {
    for (const cancel of this.cancels) cancel();
    this.members.stop();
    this.reaper.stop();
    this.links.stop();
  }

  private nodeDead(node: NodeId): void {
    this.registry.nodeDead(node);
    this.router.nodeDead(node);
    this.presence.renewAll();
  }

  /** With every renewal of the lease: whether the inbox is still there. A store that was emptied has lost it. */
  private async keepInbox(): Promise<void> {
    if (this.closing) return;
    const opened = await this.deps.store.inbox.open(this.settings.node);
    if (this.ended || this.closing) return;
    if (opened.kind === 'ended') this.fence();
    else if (opened.kind === 'opened' && opened.created) this.republish();
  }

  /** The store may have lost what it had confirmed: everything that this node has told it is told again, at a pace. */
  private republish(): void {
    if (!this.joined || this.ended) return;
    this.reservations.hurry();
    this.presence.renewAll();
  }

  /** Takes no more from other nodes, and settles all that it has taken. False: not in time. */
  private async finishInbox(deadline: number): Promise<boolean> {
    const { clock, store, settings } = this.deps;
    const inTime = (): boolean => clock.now() < deadline && !this.ended;
    this.closing = true;
    let closed = await store.inbox.close(settings.node);
    while (closed.kind === 'unavailable' && inTime()) {
      await this.until(clock.now() + 100, () => false);
      closed = await store.inbox.close(settings.node);
    }
    if (closed.kind === 'unavailable') return false;
    const { last } = closed;
    const isSettled = (): boolean =>
      this.inbox.hasRead(last) && this.inbox.unsettled === 0 && this.links.unappended === 0;
    if (!(await this.until(deadline, isSettled))) return false;
    // Whoever then finds this node gone has read everything that it was told.
    const told = this.links.lasts();
    return this.until(deadline, () => this.links.areRead(told, (node) => this.members.isDead(node)));
  }

  /** The one place where a message finds its way: to its owner on this node, or to the router. */
  private dispatch(message: Message): void {
    const owner = this.registry.owner(message.to);
    if (message.entry !== null) {
      if (owner === undefined || this.router.mustReturn(message)) return this.router.giveBack(message);
      return owner.accept(message);
    }
    if (owner === undefined) return this.router.send(message);
    if (owner.held) return this.router.hold(message);
    owner.accept(message);
  }

  /** One that has its outcome, or came back before, or whose sender was given up, is not sent again. */
  private cameBack(message: Message, owner: Location | null): void {
    const pending = this.sessions.get(message.session)?.pendingOf(message.id);
    if (pending === undefined || pending.path !== message.path) return this.counters.drop('stale_return');
    this.router.cameBack({ ...message, order: pending.order, pending }, pending, owner);
  }

  private authenticator(): Authenticator {
    const { policy, realms, randomHex } = this.deps.settings;
    return new OpenAuthenticator({
      policy,
      realms: realms as readonly RealmName[],
      randomPeerId: () => randomHex(16) as PeerId,
    });
  }

  private sweepWindows(): void {
    const now = this.deps.clock.now();
    const recipients = this.unacknowledged;
    this.unacknowledged = [];
    for (const recipient of recipients) if (recipient.sweep(now)) this.unacknowledged.push(recipient);
  }

  private sweep(): void {
    const now = this.deps.clock.now();
    this.links.probe();
    this.refusals.sweep(now);
    this.router.sweep(now);
    this.presence.renew();
    this.reservations.refresh();
    for (const session of this.sessions.values()) session.sweep(now);
  }

  private every(ms: number, call: () => void): void {
    let cancel = (): void => undefined;
    const again = (): void => {
      cancel = this.deps.timers.after(ms, () => {
        call();
        again();
      });
    };
    again();
    this.cancels.push(() => cancel());
  }

  private async until(deadline: number, done: () => boolean): Promise<boolean> {
    while (!done() && this.deps.clock.now() < deadline && !this.ended) {
      await new Promise<void>((resume) => this.deps.timers.after(20, resume));
    }
    return done();
  }
}
