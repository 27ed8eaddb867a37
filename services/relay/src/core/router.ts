import { type NodeId, ReceiptStatus } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import type { DropReason } from './drops.ts';
import type { Lookup, LookupResult } from './lookup.ts';
import { isStorable, type Message } from './message.ts';
import { encodeFlush, encodeGone, encodeMoved } from './node-frames.ts';
import type { NodeLinks } from './node-links.ts';
import type { Location } from './ports.ts';
import type { Receipts } from './receipts.ts';
import type { Refusals } from './refusals.ts';
import { Retry } from './retry.ts';
import { type Barrier, Route } from './route.ts';
import type { Settings } from './settings.ts';

const MAX_QUEUED_MESSAGES = 2048;
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
const MAX_LOOKUP_MESSAGES = 128;
const MAX_LOOKUP_BYTES = 256 * 1024;
/** A registration on this node that is being released is gone by then, or messages for it are refused. */
const WAIT_FOR_RELEASE_MS = 2000;
/** Routes that are remembered beyond those in use. */
const MAX_IDLE_ROUTES = 100_000;
const IDLE_MS = 30_000;

export interface RouterDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly receipts: Receipts;
  readonly refusals: Refusals;
  readonly lookup: Lookup;
  readonly links: NodeLinks;
  /** Gives the message to the peer's owner on this node. */
  readonly toOwner: (message: Message) => void;
  /** Epoch of the peer's registration on this node; null when it has none. */
  readonly ownedEpoch: (key: PeerKey) => number | null;
  /** The messages of this node's senders need wait no longer. */
  readonly release: (key: PeerKey) => void;
}

/** Carries messages for peers that are not on this node: to their owner's node, or into their mailbox. */
export class Router {
  private readonly routes = new Map<PeerKey, Route>();
  private readonly deps: RouterDeps;

  constructor(deps: RouterDeps) {
    this.deps = deps;
  }

  get size(): number {
    return this.routes.size;
  }

  /** For a message whose recipient this node does not own. */
  send(message: Message): void {
    const route = this.routeTo(message.to);
    const refused = this.deps.refusals.check(message);
    if (refused !== 0) return this.refuse(message, refused, 'sticky');
    if (route.state === 'remote' && route.queue.length === 0) return this.forward(route, message);
    this.enqueue(route, message);
  }

  /**
   * For a message whose recipient this node owns, but to whose former owner it had sent messages that are under way:
   * what comes back from there goes on, the rest waits. True: it was taken.
   */
  hold(message: Message): boolean {
    const route = this.routes.get(message.to);
    if (route === undefined) return false;
    const source = message.entry?.source;
    if (source !== undefined && (source === route.location?.node || route.queuedForwards === 0)) return false;
    this.enqueue(route, message);
    return true;
  }

  /** A receipt came in for a message that had gone out on this route. */
  settled(key: PeerKey): void {
    const route = this.routes.get(key);
    if (route === undefined) return;
    route.unsettled -= 1;
    if (route.state === 'held') this.releaseIfCovered(route);
  }

  /** The owner has passed everything up to `upTo` on, to `location` or (null) to nobody in particular. */
  corrected(source: NodeId, key: PeerKey, upTo: number, location: Location | null): void {
    const route = this.routes.get(key);
    if (route === undefined || route.location?.node !== source) return;
    if (location === null) this.deps.counters.routesGone += 1;
    else this.deps.counters.routesMoved += 1;
    const newest = route.next?.epoch ?? route.location.epoch;
    if (location !== null && location.epoch > newest) route.next = location;
    route.covered = Math.max(route.covered, upTo);
    if (route.state === 'remote') route.state = 'held';
    if (route.state === 'held') this.releaseIfCovered(route);
  }

  /** Before a registration on this node: no lookup may run beside it. `proceed` is called as soon as none does. */
  beforeRegistration(key: PeerKey, proceed: () => void): void {
    const route = this.routeTo(key);
    route.registering += 1;
    if (route.state === 'looking') route.onLookedUp.push(proceed);
    else proceed();
  }

  registrationFailed(key: PeerKey): void {
    const route = this.routeTo(key);
    route.registering -= 1;
    if (this.deps.ownedEpoch(key) === null) this.drain(route);
  }

  /**
   * The peer has registered on this node. True: messages that this node sent to another owner are still under way, and
   * what it has for the peer must wait for them (see `hold`).
   */
  registrationSucceeded(key: PeerKey): boolean {
    const route = this.routeTo(key);
    route.registering -= 1;
    if (route.location === null || (route.unsettled === 0 && route.covered >= route.lastForwarded)) {
      this.flushToOwner(route);
      return false;
    }
    this.passOn(route, route.location.node);
    this.holdFor(route, route.location);
    return true;
  }

  /** A registration of the peer on this node has ended; `rest` came too late for it and goes to the new owner. */
  leftLocal(key: PeerKey, owner: Location | null, rest: readonly Message[]): void {
    const route = this.routeTo(key);
    if (owner !== null && owner.node !== this.deps.settings.node) this.leaveFor(route, owner);
    for (const message of rest) this.send(message);
    this.drain(route);
  }

  private leaveFor(route: Route, owner: Location): void {
    if (route.state !== 'held' || route.isCovered) return route.redirect(owner);
    if (route.next === null || route.next.epoch < owner.epoch) route.next = owner;
  }

  /** Another node asks to hear when everything before this has been dealt with. */
  flush(key: PeerKey, barrier: Barrier): void {
    const owned = this.deps.ownedEpoch(key);
    if (owned !== null && owned > barrier.epoch) {
      const here = { node: this.deps.settings.node, epoch: owned };
      this.deps.links.to(barrier.source).control(encodeMoved(key, barrier.sequence, here));
      return;
    }
    const route = this.routeTo(key);
    route.barriers.push(barrier);
    this.answerBarriers(route);
  }

  /** The link's append of a message is confirmed. */
  appended(message: Message): void {
    const route = this.routes.get(message.to);
    if (route !== undefined) route.inLink -= 1;
    if (message.entry !== null) {
      message.entry.unsettled -= 1;
      this.correct(message, route?.location ?? null);
    }
    if (route !== undefined) this.answerBarriers(route);
  }

  /** The link could not carry the message. */
  takenBack(message: Message, status: number, reason: DropReason): void {
    const route = this.routes.get(message.to);
    if (route !== undefined) route.inLink -= 1;
    this.refuse(message, status, reason);
    if (route !== undefined) this.answerBarriers(route);
  }

  /** A node is gone for good: what never reached it starts again with a lookup, before anything newer. */
  nodeGone(node: NodeId, messages: readonly Message[]): void {
    const affected = [...this.routes.values()].filter((route) => route.location?.node === node);
    for (const route of affected) {
      route.inLink = 0;
      route.redirect(null);
    }
    for (const message of [...messages].reverse()) {
      const route = this.routeTo(message.to);
      if (message.pending?.remote) {
        message.pending.remote = false;
        route.unsettled -= 1;
      }
      route.putBack([message]);
    }
    for (const route of affected) {
      if (this.deps.ownedEpoch(route.key) === null) this.drain(route);
      else this.releaseToOwner(route);
    }
  }

  /** Forgets routes that were not used for a while, oldest first, when there are many. */
  sweep(now: number): void {
    let surplus = this.routes.size - MAX_IDLE_ROUTES;
    for (const [key, route] of this.routes) {
      if (surplus <= 0) return;
      if (!route.isIdle || route.usedAt + IDLE_MS > now) continue;
      this.routes.delete(key);
      surplus -= 1;
    }
  }

  private routeTo(key: PeerKey): Route {
    let route = this.routes.get(key);
    if (route === undefined) {
      route = new Route(key);
      this.routes.set(key, route);
    }
    return route;
  }

  private forward(route: Route, message: Message): void {
    const { links, clock, counters } = this.deps;
    const sequence = links.to((route.location as Location).node).message(message);
    if (sequence === 'full') return this.refuse(message, ReceiptStatus.overloaded, 'link_full');
    if (sequence === 'down') return this.refuse(message, ReceiptStatus.unavailable, 'node_unavailable');
    route.usedAt = clock.now();
    route.lastSequence = sequence;
    route.inLink += 1;
    if (message.pending === null) {
      route.lastForwarded = sequence;
      return;
    }
    message.pending.remote = true;
    route.unsettled += 1;
    counters.carried('remote', message.payload.length);
  }

  private enqueue(route: Route, message: Message): void {
    if (route.queue.length >= MAX_QUEUED_MESSAGES || route.queuedBytes > MAX_QUEUED_BYTES) {
      return this.refuse(message, ReceiptStatus.overloaded, 'queue_full');
    }
    route.enqueue(message);
    if (route.state === 'unknown') this.lookUp(route);
  }

  /** Sends on what waits, as far as the state of the route allows. */
  private drain(route: Route): void {
    if (route.state === 'unknown' && route.queue.length > 0) return this.lookUp(route);
    while (route.state === 'remote' && route.queue.length > 0) {
      const message = route.dequeue() as Message;
      const refused = this.deps.refusals.check(message);
      if (refused === 0) this.forward(route, message);
      else this.refuse(message, refused, 'sticky');
    }
    this.answerBarriers(route);
    if (route.state === 'unknown' && route.isIdle) this.routes.delete(route.key);
  }

  private releaseIfCovered(route: Route): void {
    if (!route.isCovered) return;
    const { next } = route;
    const owned = this.deps.ownedEpoch(route.key);
    if (owned === null) {
      route.redirect(next?.node === this.deps.settings.node ? null : next);
      return this.drain(route);
    }
    // The former owner passed them on to one that had the peer after it and before this node: they come from there.
    if (next !== null && next.node !== this.deps.settings.node && next.epoch < owned) return this.holdFor(route, next);
    this.releaseToOwner(route);
  }

  private releaseToOwner(route: Route): void {
    this.flushToOwner(route);
    this.deps.release(route.key);
  }

  private holdFor(route: Route, former: Location): void {
    route.redirect(former);
    route.state = 'held';
    route.mustBeAnswered = true;
    const epoch = this.deps.ownedEpoch(route.key) ?? 0;
    route.lastSequence = this.deps.links.to(former.node).control(encodeFlush(route.key, epoch));
  }

  /** The peer is on this node: what waited goes to its owner. */
  private flushToOwner(route: Route): void {
    route.redirect(null);
    this.passOn(route, null);
    this.answerBarriers(route);
    if (route.isIdle) this.routes.delete(route.key);
  }

  /** Gives the owner on this node what waits here: all of it, or what came from one node. */
  private passOn(route: Route, source: NodeId | null): void {
    const kept: Message[] = [];
    for (let message = route.dequeue(); message !== undefined; message = route.dequeue()) {
      if (source === null || message.entry?.source === source) this.deps.toOwner(message);
      else kept.push(message);
    }
    route.putBack(kept);
  }

  private lookUp(route: Route): void {
    if (route.registering > 0) return;
    const batch = this.takeBatch(route);
    if (batch.length === 0) return this.drain(route);
    route.state = 'looking';
    this.locate(route, batch, new Retry());
  }

  private locate(route: Route, batch: readonly Message[], retry: Retry): void {
    this.deps.lookup.run(route.key, batch, (result) => this.looked(route, batch, retry, result));
  }

  /** A lookup has ended; what has waited for that goes first. */
  private lookedUp(route: Route, location: Location | null): void {
    route.redirect(location);
    const waiting = route.onLookedUp;
    route.onLookedUp = [];
    for (const proceed of waiting) proceed();
    this.drain(route);
  }

  private takeBatch(route: Route): Message[] {
    const batch: Message[] = [];
    let bytes = 0;
    while (route.queue.length > 0 && batch.length < MAX_LOOKUP_MESSAGES && bytes < MAX_LOOKUP_BYTES) {
      const message = route.dequeue() as Message;
      const refused = this.deps.refusals.check(message);
      if (refused !== 0) {
        this.refuse(message, refused, 'sticky');
        continue;
      }
      batch.push(message);
      bytes += message.payload.length;
    }
    return batch;
  }

  private looked(route: Route, batch: readonly Message[], retry: Retry, result: LookupResult): void {
    switch (result.kind) {
      case 'located':
        return this.found(route, batch, result.location, retry);
      case 'stored':
        for (const message of batch) this.outcome(message, result);
        return this.lookedUp(route, null);
      case 'failed':
        for (const message of batch) this.refuse(message, ReceiptStatus.unavailable, 'store_unavailable');
        return this.refuseQueue(route);
    }
  }

  private outcome(message: Message, { entries, attempted }: LookupResult & { kind: 'stored' }): void {
    if (entries.has(message)) {
      this.deps.receipts.give(message, ReceiptStatus.queued);
      return this.correct(message, null);
    }
    if (attempted.has(message)) return this.refuse(message, ReceiptStatus.overloaded, 'mailbox_full');
    if (isStorable(message)) return this.refuse(message, ReceiptStatus.overloaded, 'realm_full');
    this.refuse(message, ReceiptStatus.offline, 'offline');
  }

  private found(route: Route, batch: readonly Message[], location: Location, retry: Retry): void {
    route.putBack(batch);
    const isHere = location.node === this.deps.settings.node;
    if (!isHere || route.registering > 0) return this.lookedUp(route, isHere ? null : location);
    // A registration here is just being released; the next lookup sees it.
    const now = this.deps.clock.now();
    const wait = retry.failed(now);
    if (retry.failedFor(now) >= WAIT_FOR_RELEASE_MS) return this.refuseQueue(route);
    this.deps.timers.after(wait, () => {
      const again = this.takeBatch(route);
      if (route.registering === 0 && again.length > 0) return this.locate(route, again, retry);
      route.putBack(again);
      this.lookedUp(route, null);
    });
  }

  private refuseQueue(route: Route): void {
    for (let message = route.dequeue(); message !== undefined; message = route.dequeue()) {
      this.refuse(message, ReceiptStatus.unavailable, 'store_unavailable');
    }
    this.lookedUp(route, null);
  }

  private refuse(message: Message, status: number, reason: DropReason): void {
    this.deps.receipts.refuse(message, status, reason);
    this.correct(message, null);
  }

  /** Tells the node that sent the message here that this is not, or no longer, the place for it. */
  private correct(message: Message, location: Location | null): void {
    if (message.entry === null) return;
    const link = this.deps.links.to(message.entry.source);
    link.control(
      location === null
        ? encodeGone(message.to, message.sequence)
        : encodeMoved(message.to, message.sequence, location),
    );
  }

  private answerBarriers(route: Route): void {
    if (route.barriers.length === 0 || route.queue.length > 0 || route.inLink > 0) return;
    if (route.state === 'looking' || route.registering > 0 || this.deps.ownedEpoch(route.key) !== null) return;
    const barriers = route.barriers;
    route.barriers = [];
    for (const { source, sequence } of barriers) {
      const { location } = route;
      this.deps.links
        .to(source)
        .control(location === null ? encodeGone(route.key, sequence) : encodeMoved(route.key, sequence, location));
    }
  }
}
