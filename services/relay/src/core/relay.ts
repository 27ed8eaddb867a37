import { type NodeId, type RealmName, ReceiptStatus } from '@causeway/protocol';
import { type PeerKey, realmOf } from './address.ts';
import type { Authenticator } from './authenticator.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import { Consistency, type ConsistencyReport, type Counts } from './consistency.ts';
import type { Counters, Gauges } from './counters.ts';
import { otherUrls } from './drain.ts';
import { InboxReader } from './inbox-reader.ts';
import type { WindowState } from './inspection-ports.ts';
import { Load } from './load.ts';
import { Lookup } from './lookup.ts';
import { Members } from './members.ts';
import type { Message } from './message.ts';
import { encodeEcho } from './node-frames.ts';
import { NodeLife, SHUTTING_DOWN } from './node-life.ts';
import { NodeLinks } from './node-links.ts';
import type { Policy } from './policy.ts';
import type { Location, NodeRecord, Removed, Store } from './ports.ts';
import { PresenceBoard } from './presence-board.ts';
import { RealmAccounts } from './realm-accounts.ts';
import { Reaper } from './reaper.ts';
import { Rebalance, type RebalanceReply } from './rebalance.ts';
import { Receipts } from './receipts.ts';
import type { Recipient } from './recipient.ts';
import { Refusals } from './refusals.ts';
import { Registry } from './registry.ts';
import { Reservations } from './reservations.ts';
import { Router } from './router.ts';
import { Session, type SessionDeps } from './session.ts';
import type { Settings } from './settings.ts';
import { Tenancy } from './tenancy.ts';
import type { Tracer } from './tracer.ts';
import { Tunnels } from './tunnels/tunnels.ts';

const WINDOW_SWEEP_MS = 100;
const SECOND_MS = 1000;
const ACCOUNTS_MS = 250;
/** The others' numbers of connections must have changed before they are compared anew. */
const REBALANCE_MS = 10_000;

export interface RelayDeps {
  readonly settings: Settings;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  readonly authenticator: Authenticator;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
  /** The policy in force now. */
  readonly policy: () => Policy;
  /** Open connections, for the other nodes. */
  readonly connections: () => number;
  /** The others have declared this node dead: all its connections are closed, and it must not go on under its id. */
  readonly onFenced: () => void;
}

/** One node: everything of the core, put together. */
export class Relay {
  readonly counters: Counters;
  /** Limits, caps and usage. */
  readonly tenancy: Tenancy;
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
  private readonly tunnels: Tunnels;
  /** The session of each peer that is registered here. */
  private readonly registered = new Map<PeerKey, Session>();
  private readonly life: NodeLife;
  private unacknowledged: Recipient[] = [];
  private readonly echoes = new Map<number, () => void>();
  private lastEcho = 0;
  private lastSession = 0;
  private lastWrite = 0;
  private lastOrder = 0;
  constructor(deps: RelayDeps) {
    this.deps = deps;
    this.counters = deps.counters;
    const { settings, store, clock, timers, log, counters, tracer } = deps;
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
    this.tenancy = new Tenancy({ ...deps, nodes: () => this.members.live.length });
    this.accounts = new RealmAccounts({
      ledger: store.ledger,
      clock,
      counters,
      ttlMs: settings.mailboxTtlMs,
      maxBytes: (realm) => this.tenancy.mailboxBytes(realm),
      onStoredEnded: (realm, byteMs) => this.tenancy.usage.stored(realm, byteMs),
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
      onDown: (message) => this.receipts.refuse(message, ReceiptStatus.unavailable, 'node_unavailable'),
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
      counters,
      connections: deps.connections,
      onDead: (node) => this.nodeDead(node),
      onUnreaped: (nodes) => {
        for (const node of nodes) void reaper.reap(node);
      },
      onRenewed: () => void this.life.keepInbox(),
      onFenced: () => this.life.fence(),
    });
    const isDead = (node: NodeId): boolean => this.members.isDead(node);
    const endFor = (key: PeerKey, location: Location, done?: () => void): void =>
      this.registry.endFor(key, location, done);
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
        tracer,
        mailbox: store.mailbox,
        accounts: this.accounts,
        account: (realm, peer) => this.tenancy.usage.account(realm, peer),
        nextWrite,
        sweepLater: (recipient) => this.unacknowledged.push(recipient),
      },
    });
    this.router = new Router({
      ...common,
      receipts: this.receipts,
      refusals,
      lookup: new Lookup({ ...common, tracer, directory: store.directory, accounts: this.accounts, nextWrite }),
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
      tracer,
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
    this.reservations = new Reservations({
      settings,
      clock,
      directory: store.directory,
      registry: this.registry,
      onRefreshed: (key) => this.tenancy.quotas.reservationRefreshed(realmOf(key), key, settings.reservationTtlMs),
    });
    const reaper = new Reaper({
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
    this.tunnels = new Tunnels({ ...deps, nextWrite, isDead, callee: (key) => this.registered.get(key) });
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
    this.life = new NodeLife({
      settings,
      store,
      clock,
      timers,
      log,
      members: this.members,
      reaper,
      links: this.links,
      inbox: this.inbox,
      registry: this.registry,
      accounts: this.accounts,
      tenancy: this.tenancy,
      tunnels: this.tunnels,
      sessions: () => this.sessions.values(),
      tasks: [
        [WINDOW_SWEEP_MS, () => this.sweepWindows()],
        [ACCOUNTS_MS, () => void this.accounts.update()],
        [SECOND_MS, () => this.sweep()],
        ...(settings.rebalance === 'auto' ? [[REBALANCE_MS, () => void this.rebalance()] as const] : []),
      ],
      onDraining: () => this.rebalancing.stop(),
      onStoreLost: () => {
        this.reservations.hurry();
        this.tenancy.quotas.hurry();
        this.presence.renewAll();
      },
      onFenced: deps.onFenced,
    });
    store.onDisturbed(() => this.life.storeDisturbed());
    this.sessionDeps = {
      settings,
      clock,
      timers,
      log,
      counters,
      load,
      authenticator: deps.authenticator,
      registry: this.registry,
      quotas: this.tenancy.quotas,
      limiter: this.tenancy.limiter,
      usage: this.tenancy.usage,
      presence: this.presence,
      tunnels: this.tunnels,
      entered: (key, session) => this.registered.set(key, session),
      left: (key, session) => {
        if (this.registered.get(key) === session) this.registered.delete(key);
      },
      tracer,
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

  /** It sends its clients away, and does not come back. */
  get isDraining(): boolean {
    return this.life.isDraining;
  }

  /** Opens the inbox, begins to read it, and joins the cluster. Rejects when the store can't be reached for 30 s. */
  start(): Promise<void> {
    return this.life.start();
  }

  /**
   * Sends all clients away, stores what they have not acknowledged, and leaves the cluster when everything taken from
   * others is settled; gives up waiting after `ms`.
   */
  stop(ms: number): Promise<void> {
    return this.life.stop(ms);
  }

  /** A client has connected. */
  open(connection: Connection): ConnectionHandler {
    this.lastSession += 1;
    const session = new Session(this.lastSession, connection, this.sessionDeps);
    this.sessions.set(this.lastSession, session);
    this.counters.connectionsOpened += 1;
    if (this.life.isDraining) session.goAway(SHUTTING_DOWN, 0, otherUrls(this.settings.node, this.members.live));
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
      tunnelEnds: this.tunnels.size,
      tunnelBytes: this.tunnels.heldBytes,
    };
  }

  /** Sends the clients away that this node has too many, to nodes that have fewer; at most `limit`. */
  rebalance(limit?: number): RebalanceReply | { readonly kind: 'draining' } {
    return this.life.isDraining ? { kind: 'draining' } : this.rebalancing.start(limit);
  }

  checkConsistency(): Promise<ConsistencyReport> {
    return this.consistency.report();
  }

  /** The policy has changed. */
  applyPolicy(): void {
    // Where a cap on reservations is new, those of the connected peers are booked as they are refreshed.
    if (this.tenancy.applyPolicy()) this.reservations.hurry();
  }

  /** Bans, allow lists or revocations have changed: who may not stay is sent away now. */
  recheck(): void {
    const now = this.deps.clock.now();
    for (const session of this.sessions.values()) session.recheck(now);
  }

  /** All that is known of the cluster's nodes, this one included. */
  nodes(): readonly NodeRecord[] {
    return this.members.all;
  }

  /** Closes the connection of a peer that is registered here. False: it is not. */
  disconnect(key: PeerKey, reason: string): boolean {
    return this.registered.get(key)?.expel(key, reason) ?? false;
  }

  /** Null: the peer is not registered here. */
  window(key: PeerKey): WindowState | null {
    return this.registry.owner(key)?.windowState ?? null;
  }

  /** An operator has removed messages from a mailbox. */
  purged(realm: RealmName, removed: readonly Removed[]): void {
    this.counters.drop('purged', removed.length);
    this.accounts.removed(realm, removed);
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

  private nodeDead(node: NodeId): void {
    this.registry.nodeDead(node);
    this.router.nodeDead(node);
    this.presence.renewAll();
    this.tunnels.nodeDead(node);
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
    this.router.cameBack({ ...message, order: pending.order, pending, trace: pending.span }, pending, owner);
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
    this.tunnels.beat(now);
    for (const session of this.sessions.values()) session.sweep(now);
  }
}
