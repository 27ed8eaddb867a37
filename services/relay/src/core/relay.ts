import { type PeerId, type RealmName, ReceiptStatus } from '@causeway/protocol';
import { type Authenticator, OpenAuthenticator } from './authenticator.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import { Counters, type Gauges } from './counters.ts';
import { InboxReader } from './inbox-reader.ts';
import { Lease, RENEWALS } from './lease.ts';
import { Lookup } from './lookup.ts';
import type { Message } from './message.ts';
import { encodeEcho } from './node-frames.ts';
import { NodeLinks } from './node-links.ts';
import type { Location, Store } from './ports.ts';
import { PresenceBoard } from './presence-board.ts';
import { RealmAccounts } from './realm-accounts.ts';
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
/** Redis may start after its relays. */
const OPEN_FOR_MS = 30_000;

export interface RelayDeps {
  readonly settings: Settings;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** One node: everything of the core, put together. */
export class Relay {
  readonly counters = new Counters();
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
  private lease: Lease | null = null;
  private readonly cancels: (() => void)[] = [];
  private unacknowledged: Recipient[] = [];
  private readonly echoes = new Map<number, () => void>();
  private lastEcho = 0;
  private lastSession = 0;
  private lastWrite = 0;
  private lastOrder = 0;
  /** The inbox is open: other nodes may hand things to this one. */
  private joined = false;
  private stopped = false;

  constructor(deps: RelayDeps) {
    this.deps = deps;
    const { settings, store, clock, timers, log } = deps;
    const { counters, refusals } = this;
    const self = settings.node;
    const common = { settings, clock, timers, counters };
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
      onFull: (message, certain) => {
        const status = certain ? ReceiptStatus.overloaded : ReceiptStatus.unavailable;
        this.receipts.refuse(message, status, 'inbox_full');
      },
      onGone: (node, messages) => this.router.nodeGone(node, messages),
    });
    this.receipts = new Receipts({
      self,
      clock,
      counters,
      refusals,
      toSession: (session, id, status) => this.sessions.get(session)?.receipt(id, status),
      toNode: (node, session, id, status, entry) => this.links.to(node).receipt(session, id, status, entry),
    });
    this.presence = new PresenceBoard({ self, presence: store.presence, links: this.links, clock, timers, counters });
    this.registry = new Registry({
      ...common,
      store,
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
    this.sessionDeps = {
      settings,
      clock,
      timers,
      log,
      counters,
      authenticator: this.authenticator(),
      registry: this.registry,
      presence: this.presence,
      sender: {
        settings,
        clock,
        counters,
        nextOrder,
        dispatch: (message) => this.dispatch(message),
        settled: (pending) => this.router.settled(pending),
        refused: (session, { to, run, order }, status) =>
          refusals.add({ origin: self, session, to, run, order }, status, clock.now()),
      },
      onFinished: (session) => this.sessions.delete(session.number),
    };
  }

  get settings(): Settings {
    return this.deps.settings;
  }

  /**
   * Opens the inbox, begins to read it, and joins the cluster. Rejects when the store can't be reached for 30 s.
   * `connections` counts the open ones, for the other nodes.
   */
  async start(connections: () => number): Promise<void> {
    this.joined = await this.openInbox();
    if (!this.joined) return;
    const { settings, store, log } = this.deps;
    this.lease = new Lease({ settings, membership: store.membership, log, connections });
    await this.lease.renew();
    this.inbox.start();
    this.every(settings.nodeLeaseMs / RENEWALS, () => void this.lease?.renew());
    this.every(WINDOW_SWEEP_MS, () => this.sweepWindows());
    this.every(ACCOUNTS_MS, () => void this.accounts.update());
    this.every(SECOND_MS, () => this.sweep());
  }

  /** False: the node was stopped before the store could be reached. */
  private async openInbox(): Promise<boolean> {
    const { store, settings, clock, timers, log } = this.deps;
    const retry = new Retry();
    let warned = false;
    while (!this.stopped) {
      const opened = await store.inbox.open(settings.node);
      if (opened.kind === 'opened') return true;
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

  /**
   * Sends all clients away, stores what they have not acknowledged, and leaves the cluster when everything taken from
   * others is settled; gives up waiting after `ms`.
   */
  async stop(ms: number): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    if (!this.joined) return;
    const { clock, store, log } = this.deps;
    const { settings } = this;
    const deadline = clock.now() + ms;
    for (const session of this.sessions.values()) session.goAway('the relay is shutting down', 0);
    await this.until(deadline, () => this.registry.open === 0);
    const finished = await this.finishInbox(deadline);
    await this.accounts.update();
    for (const cancel of this.cancels) cancel();
    await store.inbox.stop();
    if (!finished) {
      // What is left stays in the log, and the lease with it: the others must not take this node for one that left well.
      log.error({ unsettled: this.inbox.unsettled }, 'the inbox could not be finished in time');
      return;
    }
    await store.inbox.remove(settings.node);
    await this.lease?.release();
  }

  /** Takes no more from other nodes, and settles all that it has taken. False: not in time. */
  private async finishInbox(deadline: number): Promise<boolean> {
    const { clock, store, settings } = this.deps;
    const inTime = (): boolean => clock.now() < deadline;
    let closed = await store.inbox.close(settings.node);
    while (closed.kind === 'unavailable' && inTime()) {
      await this.until(clock.now() + 100, () => false);
      closed = await store.inbox.close(settings.node);
    }
    if (closed.kind === 'unavailable') return false;
    const { last } = closed;
    return this.until(
      deadline,
      () => this.inbox.hasRead(last) && this.inbox.unsettled === 0 && this.links.unappended === 0,
    );
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

  /** A message whose sender has gone, and was given up, is not sent again: nobody knows of its outcome. */
  private cameBack(message: Message, owner: Location | null): void {
    const pending = this.sessions.get(message.session)?.pendingOf(message.id);
    if (pending !== undefined) this.router.cameBack({ ...message, order: pending.order, pending }, pending, owner);
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
    while (!done() && this.deps.clock.now() < deadline) {
      await new Promise<void>((resume) => this.deps.timers.after(20, resume));
    }
    return done();
  }
}
