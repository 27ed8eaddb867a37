import type { PeerKey } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import type { Message } from './message.ts';
import { encodeHandover, encodeTurn } from './node-frames.ts';
import type { NodeLinks } from './node-links.ts';
import type { HandedOver, Location, Registered, RegisterReply, RegisterRequest, Store, Writer } from './ports.ts';
import type { PresenceBoard } from './presence-board.ts';
import { Recipient, type RecipientDeps } from './recipient.ts';
import { Retry } from './retry.ts';
import type { Router } from './router.ts';
import type { Settings } from './settings.ts';

/** A registration that has no answer for this long is refused. */
const REGISTER_FOR_MS = 4000;

export interface RegistryDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly store: Store;
  readonly links: NodeLinks;
  readonly router: () => Router;
  readonly presence: PresenceBoard;
  readonly recipient: Omit<RecipientDeps, 'onEnded'>;
}

export interface Registration {
  readonly recipient: Recipient;
  readonly registered: Registered;
}

/** The peers that are registered on this node, and the hand-overs between registrations. */
export class Registry {
  /** The newest registration of each peer here. */
  private readonly owners = new Map<PeerKey, Recipient>();
  /** Older ones, which a newer registration has replaced; by key and epoch. */
  private readonly replaced = new Map<string, Recipient>();
  /** What concerns a peer while its registration here is under way waits for that. */
  private readonly registering = new Map<PeerKey, { count: number; deferred: (() => void)[] }>();
  private readonly deps: RegistryDeps;
  private readonly recipientDeps: RecipientDeps;

  constructor(deps: RegistryDeps) {
    this.deps = deps;
    this.recipientDeps = {
      ...deps.recipient,
      onEnded: (recipient, handedOver, rest, lost) => {
        const { key, location } = recipient;
        this.ended(recipient, handedOver, rest);
        // The owner stays the owner until all before it have ended: without it, the store has lost the peer.
        if (lost && handedOver.owner === null) this.nextHere(key, location.epoch)?.lost();
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

  /** Registers a connection's peer. `connection` answers null when it has closed meanwhile. */
  async register(
    request: RegisterRequest,
    connection: () => Connection | null,
  ): Promise<Registration | Exclude<RegisterReply, Registered>> {
    const { key } = request;
    this.begin(key);
    await new Promise<void>((proceed) => this.deps.router().beforeRegistration(key, proceed));
    const reply = await this.registerWithRetries(request);
    if (reply.kind !== 'registered') {
      this.deps.router().registrationFailed(key);
      this.done(key);
      return reply;
    }
    const recipient = this.admit(request, reply, connection());
    this.done(key);
    return { recipient, registered: reply };
  }

  /** Another node's registration of the peer asks the one with this epoch to hand over. */
  handOver(key: PeerKey, epoch: number): void {
    const recipient = this.find(key, epoch);
    if (recipient !== null) {
      this.deps.counters.handovers += 1;
      return recipient.replaced();
    }
    if (this.defer(key, () => this.handOver(key, epoch))) return;
    this.endUnknown(key, epoch);
  }

  /** Everyone before the registration with this epoch has handed over. */
  turn(key: PeerKey, epoch: number): void {
    const recipient = this.find(key, epoch);
    if (recipient !== null) return recipient.turn();
    if (this.defer(key, () => this.turn(key, epoch))) return;
    this.endUnknown(key, epoch);
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
      const reply = await store.directory.register(request);
      if (reply.kind !== 'unavailable') return reply;
      const now = clock.now();
      const wait = retry.failed(now);
      if (retry.failedFor(now) >= REGISTER_FOR_MS) return reply;
      await new Promise<void>((resume) => timers.after(wait, resume));
    }
  }

  private admit(request: RegisterRequest, registered: Registered, connection: Connection | null): Recipient {
    const { key, node } = request;
    const { epoch } = registered;
    const older = this.owners.get(key);
    const hasEarlier = older !== undefined && this.hasEarlier(key, epoch);
    const recipient = new Recipient(key, { node, epoch }, registered, hasEarlier, connection, this.recipientDeps);
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
    return recipient;
  }

  private askToHandOver(key: PeerKey, former: Location): void {
    if (former.node === this.deps.settings.node) {
      // Not within this turn: the new owner's WELCOME comes first.
      queueMicrotask(() => this.handOver(key, former.epoch));
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
    else this.deps.links.to(next.node).control(encodeTurn(key, next.epoch));
  }

  /** Ends a registration that the store has and this node does not know, unless that is about to change. */
  endIfUnknown(key: PeerKey, epoch: number): void {
    if (this.find(key, epoch) === null && !this.registering.has(key)) this.endUnknown(key, epoch);
  }

  /** A registration under this node's name that nobody here holds: it was made, but its answer never came. */
  private endUnknown(key: PeerKey, epoch: number): void {
    const { node } = this.deps.settings;
    this.endAs(key, { node, epoch }, { node, sequence: this.deps.recipient.nextWrite() }, new Retry());
  }

  /** Asks under the same sequence again: only then is an answer that was lost told once more. */
  private endAs(key: PeerKey, location: Location, writer: Writer, retry: Retry): void {
    const { settings, store, clock, timers, presence } = this.deps;
    const limits = { messages: settings.mailboxMessages, bytes: settings.mailboxBytes, ttlMs: settings.mailboxTtlMs };
    store.mailbox.append(key, location, writer, [], limits, { seen: '' }).then((reply) => {
      if (reply.kind === 'unavailable') {
        timers.after(retry.failed(clock.now()), () => this.endAs(key, location, writer, retry));
      } else if (reply.kind === 'stored' && reply.handedOver !== null) {
        const { next, owner, watchers } = reply.handedOver;
        this.pass(key, next);
        if (owner === null) presence.changed({ key, online: false, at: clock.now(), epoch: location.epoch }, watchers);
      } else if (reply.kind === 'stored') {
        // Another write of this node came between; that one's answer is all that the store remembers.
        this.endUnknown(key, location.epoch);
      }
    });
  }
}
