import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import { Endings } from './endings.ts';
import type { Members } from './members.ts';
import type { Message } from './message.ts';
import { encodeHandover, encodeTurn } from './node-frames.ts';
import type { NodeLinks } from './node-links.ts';
import type { HandedOver, Location, Registered, RegisterReply, RegisterRequest, Store } from './ports.ts';
import type { PresenceBoard } from './presence-board.ts';
import { Recipient, type RecipientDeps } from './recipient.ts';
import { Retry } from './retry.ts';
import type { Router } from './router.ts';
import type { Settings } from './settings.ts';
import { Turnstile } from './turnstile.ts';

/** A registration that has no answer for this long is refused. */
const REGISTER_FOR_MS = 4000;
/** When thousands come back at once, whoever is connected must not wait for all of them. */
const MAX_REGISTERING_AT_ONCE = 8;
const LATE: RegisterReply = { kind: 'unavailable', reason: 'too many registrations are under way' };
/** One that the store has lost, and could not be made again in that time, is tried again after this. */
const RECLAIM_AGAIN_MS = 500;

export interface RegistryDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly store: Store;
  readonly links: NodeLinks;
  readonly router: () => Router;
  readonly presence: PresenceBoard;
  readonly isDead: (node: NodeId) => boolean;
  readonly members: Pick<Members, 'isHeld' | 'whenHeld'>;
  readonly recipient: Omit<RecipientDeps, 'onEnded' | 'onLost'>;
}

/** The connection that a registration is for. */
export interface Entrant {
  /** Null: it has closed meanwhile. */
  readonly connection: Connection | null;
  /** Called before anything can be delivered. */
  welcome(recipient: Recipient, registered: Registered): void;
}

/** The peers that are registered on this node, and the hand-overs between registrations. */
export class Registry {
  /** The newest registration of each peer here. */
  private readonly owners = new Map<PeerKey, Recipient>();
  /** Older ones, which a newer registration has replaced; by key and epoch. */
  private readonly replaced = new Map<string, Recipient>();
  /** What concerns a peer while its registration here is under way waits for that. */
  private readonly registering = new Map<PeerKey, { count: number; deferred: (() => void)[] }>();
  private readonly endings: Endings;
  private readonly turnstile = new Turnstile(MAX_REGISTERING_AT_ONCE);
  private readonly deps: RegistryDeps;
  private readonly recipientDeps: RecipientDeps;

  constructor(deps: RegistryDeps) {
    this.deps = deps;
    this.endings = new Endings({
      ...deps,
      mailbox: deps.store.mailbox,
      nextWrite: deps.recipient.nextWrite,
      onEnded: (key, location, handedOver) => this.hasEnded(key, location, handedOver),
      onGone: (key, location) => this.formerEnded(key, location),
    });
    this.recipientDeps = {
      ...deps.recipient,
      onLost: (recipient) => void this.reclaim(recipient),
      onEnded: (recipient, handedOver, rest, lost) => {
        const { key, location } = recipient;
        this.ended(recipient, handedOver, rest);
        // The owner stays the owner until all before it have ended: without it, the store has lost the peer.
        const next = lost && handedOver.owner === null ? this.nextHere(key, location.epoch) : null;
        if (next !== null) void this.reclaim(next);
      },
    };
  }

  get size(): number {
    return this.owners.size;
  }

  get catchingUp(): number {
    let count = 0;
    for (const recipient of this.owners.values()) if (recipient.state === 'catching-up') count += 1;
    return count;
  }

  owner(key: PeerKey): Recipient | undefined {
    return this.owners.get(key);
  }

  all(): IterableIterator<Recipient> {
    return this.owners.values();
  }

  /** Registrations that have not ended. */
  get open(): number {
    return this.owners.size + this.replaced.size + this.registering.size;
  }

  /** Registers a connection's peer. */
  async register(
    request: RegisterRequest,
    entrant: Entrant,
  ): Promise<{ readonly kind: 'admitted' } | Exclude<RegisterReply, Registered>> {
    const { key } = request;
    const { members } = this.deps;
    if (!members.isHeld) return { kind: 'unavailable', reason: 'the lease of this node has run out' };
    this.begin(key);
    await new Promise<void>((proceed) => this.deps.router().beforeRegistration(key, proceed));
    const reply = await this.registerWithRetries(request);
    // A node that stood still meanwhile may be dead to the others, and its peers be elsewhere.
    await new Promise<void>((proceed) => members.whenHeld(proceed));
    if (reply.kind !== 'registered') {
      this.deps.router().registrationFailed(key);
      this.done(key);
      return reply;
    }
    this.admit(request, reply, entrant);
    this.done(key);
    return { kind: 'admitted' };
  }

  /**
   * The store has lost a registration, or may have: makes it again, and its client does not notice. Another node's
   * messages went to the mailbox meanwhile, so the peer catches up before it is live again.
   */
  async reclaim(recipient: Recipient): Promise<void> {
    // One that leaves is not made again; but nobody will tell it that it is its turn.
    if (!recipient.suspend()) return recipient.turn();
    const { key, location, request } = recipient;
    this.begin(key);
    await new Promise<void>((proceed) => this.deps.router().beforeRegistration(key, proceed));
    const reply = await this.reclaimWithRetries({ ...request, reclaims: location.epoch }, recipient);
    if (reply.kind === 'registered') this.reclaimed(recipient, reply);
    else {
      this.deps.router().registrationFailed(key);
      recipient.lost();
    }
    this.done(key);
  }

  private async reclaimWithRetries(request: RegisterRequest, recipient: Recipient): Promise<RegisterReply> {
    for (;;) {
      const reply = await this.registerWithRetries(request);
      if (reply.kind !== 'unavailable' || recipient.state !== 'joining') return reply;
      await new Promise<void>((resume) => this.deps.timers.after(RECLAIM_AGAIN_MS, resume));
    }
  }

  private reclaimed(recipient: Recipient, registered: Registered): void {
    const { router, presence, clock, counters } = this.deps;
    const { key, location } = recipient;
    counters.reclaimed += 1;
    const isOwner = this.owners.get(key) === recipient;
    if (!isOwner && this.replaced.delete(`${location.epoch} ${key}`)) {
      this.replaced.set(`${registered.epoch} ${key}`, recipient);
    }
    const held = router().registrationSucceeded(key);
    if (isOwner) recipient.held = held;
    recipient.resume(registered);
    presence.changed({ key, online: true, at: clock.now(), epoch: registered.epoch }, registered.watchers);
    for (const former of registered.prev) this.askToHandOver(key, former);
  }

  /** A node is dead: its registrations, as far as others here wait for them, are ended in its name. */
  nodeDead(node: NodeId): void {
    for (const recipient of [...this.owners.values(), ...this.replaced.values()]) {
      for (const former of recipient.former) if (former.node === node) this.endFor(recipient.key, former);
    }
  }

  /** Another node's registration of the peer asks the one with this epoch to hand over. */
  handOver(key: PeerKey, epoch: number): void {
    const recipient = this.find(key, epoch);
    if (recipient !== null) {
      this.deps.counters.handovers += 1;
      return recipient.replaced();
    }
    if (this.defer(key, () => this.handOver(key, epoch))) return;
    this.endings.endUnknown(key, epoch);
  }

  /** Everyone before the registration with this epoch has handed over. */
  turn(key: PeerKey, epoch: number): void {
    const recipient = this.find(key, epoch);
    if (recipient !== null) return recipient.turn();
    if (this.defer(key, () => this.turn(key, epoch))) return;
    this.endings.endUnknown(key, epoch);
  }

  private begin(key: PeerKey): void {
    const entry = this.registering.get(key);
    if (entry === undefined) this.registering.set(key, { count: 1, deferred: [] });
    else entry.count += 1;
  }

  private done(key: PeerKey): void {
    const entry = this.registering.get(key);
    if (entry === undefined) return;
    entry.count -= 1;
    const { deferred } = entry;
    if (entry.count === 0) this.registering.delete(key);
    entry.deferred = [];
    for (const call of deferred) call();
  }

  private defer(key: PeerKey, call: () => void): boolean {
    const entry = this.registering.get(key);
    entry?.deferred.push(call);
    return entry !== undefined;
  }

  private find(key: PeerKey, epoch: number): Recipient | null {
    const owner = this.owners.get(key);
    if (owner?.location.epoch === epoch) return owner;
    return this.replaced.get(`${epoch} ${key}`) ?? null;
  }

  private async registerWithRetries(request: RegisterRequest): Promise<RegisterReply> {
    const { store, clock, timers } = this.deps;
    const retry = new Retry();
    for (;;) {
      const since = clock.now();
      await new Promise<void>((proceed) => this.turnstile.enter(proceed));
      const isLate = clock.now() - since >= REGISTER_FOR_MS;
      const reply = isLate ? LATE : await store.directory.register(request);
      this.turnstile.leave();
      if (isLate || reply.kind !== 'unavailable') return reply;
      const now = clock.now();
      const wait = retry.failed(now);
      if (retry.failedFor(now) >= REGISTER_FOR_MS) return reply;
      await new Promise<void>((resume) => timers.after(wait, resume));
    }
  }

  private admit(request: RegisterRequest, registered: Registered, entrant: Entrant): void {
    const { key } = request;
    const { connection } = entrant;
    const { epoch } = registered;
    const older = this.owners.get(key);
    const hasEarlier = older !== undefined && this.hasEarlier(key, epoch);
    const recipient = new Recipient(request, registered, hasEarlier, connection, this.recipientDeps);
    if (connection !== null) entrant.welcome(recipient, registered);
    if (older !== undefined && older.location.epoch > epoch) {
      this.replaced.set(`${epoch} ${key}`, recipient);
      this.deps.router().registrationFailed(key);
    } else {
      if (older !== undefined) this.replaced.set(`${older.location.epoch} ${key}`, older);
      this.owners.set(key, recipient);
      recipient.held = this.deps.router().registrationSucceeded(key);
      this.deps.presence.changed({ key, online: true, at: this.deps.clock.now(), epoch }, registered.watchers);
    }
    for (const former of registered.prev) this.askToHandOver(key, former);
    if (connection === null) recipient.leave('disconnect');
  }

  private askToHandOver(key: PeerKey, former: Location): void {
    if (former.node === this.deps.settings.node) {
      // Not within this turn: the registration is still being made known.
      queueMicrotask(() => this.handOver(key, former.epoch));
    } else if (this.deps.isDead(former.node)) {
      this.endFor(key, former);
    } else {
      this.deps.links.to(former.node).control(encodeHandover(key, former.epoch));
    }
  }

  private ended(recipient: Recipient, { next, owner, watchers }: HandedOver, rest: readonly Message[]): void {
    const { key, location } = recipient;
    const { router, presence, clock } = this.deps;
    this.replaced.delete(`${location.epoch} ${key}`);
    if (this.owners.get(key) === recipient) {
      this.owners.delete(key);
      router().leftLocal(key, owner, rest);
    } else {
      const next = this.nextHere(key, location.epoch);
      if (next === null) router().leftLocal(key, owner, rest);
      else next.earlierEnded(rest, this.hasEarlier(key, next.location.epoch));
    }
    this.pass(key, next);
    if (owner === null) presence.changed({ key, online: false, at: clock.now(), epoch: location.epoch }, watchers);
  }

  /** Whether a registration before the one with this epoch has not ended on this node. */
  private hasEarlier(key: PeerKey, epoch: number): boolean {
    const owner = this.owners.get(key);
    if (owner !== undefined && owner.location.epoch < epoch) return true;
    for (const recipient of this.replaced.values()) {
      if (recipient.key === key && recipient.location.epoch < epoch) return true;
    }
    return false;
  }

  /** The registration on this node that came after the one with this epoch. */
  private nextHere(key: PeerKey, epoch: number): Recipient | null {
    let next: Recipient | null = this.owners.get(key) ?? null;
    for (const recipient of this.replaced.values()) {
      if (recipient.key !== key || recipient.location.epoch <= epoch) continue;
      if (next === null || recipient.location.epoch < next.location.epoch) next = recipient;
    }
    return next;
  }

  /** Tells whoever is to act next. */
  private pass(key: PeerKey, next: Location | null): void {
    if (next === null) return;
    if (next.node === this.deps.settings.node) this.turn(key, next.epoch);
    else if (this.deps.isDead(next.node)) this.endFor(key, next);
    else this.deps.links.to(next.node).control(encodeTurn(key, next.epoch));
  }

  /** Ends a registration that the store has and this node does not know, unless that is about to change. */
  endIfUnknown(key: PeerKey, epoch: number): void {
    if (this.find(key, epoch) === null && !this.registering.has(key)) this.endings.endUnknown(key, epoch);
  }

  /** Ends the registration of a dead node in its name (see Endings). */
  endFor(key: PeerKey, location: Location, done?: () => void): void {
    this.endings.endFor(key, location, done);
  }

  /** It had ended before, and whoever ended it may have died before it told who is next: each that waits finds out. */
  private formerEnded(key: PeerKey, location: Location): void {
    for (const recipient of [this.owners.get(key), ...this.replaced.values()]) {
      if (recipient?.key === key) recipient.formerEnded(location);
    }
  }

  private hasEnded(key: PeerKey, location: Location, { next, owner, watchers }: HandedOver): void {
    this.pass(key, next);
    if (owner !== null) return;
    const change = { key, online: false, at: this.deps.clock.now(), epoch: location.epoch };
    this.deps.presence.changed(change, watchers);
  }
}
