import { type NodeId, ReceiptStatus } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import type { DropReason } from './drops.ts';
import type { Lookup, LookupResult } from './lookup.ts';
import { isStorable, type Message } from './message.ts';
import { encodeReturned } from './node-frames.ts';
import type { NodeLinks } from './node-links.ts';
import type { Pending } from './pending.ts';
import type { Location } from './ports.ts';
import type { Receipts } from './receipts.ts';
import type { Refusals } from './refusals.ts';
import { Retry } from './retry.ts';
import { Returns } from './returns.ts';
import { Route } from './route.ts';
import type { Settings } from './settings.ts';

const MAX_QUEUED_MESSAGES = 2048;
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
const MAX_LOOKUP_MESSAGES = 128;
const MAX_LOOKUP_BYTES = 256 * 1024;
/** A location that is known to be wrong is right in the store by then, or messages for it are refused. */
const DISTRUST_FOR_MS = 2000;
/** The end of a dead node's registration, which a lookup waits for, may have come without being told. */
const LOOK_AT_DEAD_MS = 500;
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
  readonly owns: (key: PeerKey) => boolean;
  /** The store takes this node for the owner, with a registration that it may not have. */
  readonly endIfUnknown: (key: PeerKey, epoch: number) => void;
  /** The messages of this node's senders need wait for nothing any more. */
  readonly release: (key: PeerKey) => void;
  /** Whether the node is known to be dead; what the store has of it is ended in its name (see `endFor`). */
  readonly isDead: (node: NodeId) => boolean;
  /** Ends the registration of a dead node; `done` is called when it has ended. */
  readonly endFor: (key: PeerKey, location: Location, done: () => void) => void;
  /** Messages that went these ways are in nobody's hands: their senders' connections have to end. */
  readonly onLost: (paths: ReadonlySet<number>) => void;
}

/**
 * Brings messages of this node's senders to peers that are not on this node: to their owner's node, or into their
 * mailbox. Only the node of the sender chooses the way: an owner that has the peer no more gives messages back instead
 * of sending them on. And a new way is taken only when nothing is under way on the old one, so that nothing overtakes.
 */
export class Router {
  private readonly routes = new Map<PeerKey, Route>();
  private readonly returns = new Returns();
  private readonly deps: RouterDeps;
  private lastPath = 0;

  constructor(deps: RouterDeps) {
    this.deps = deps;
  }

  get size(): number {
    return this.routes.size;
  }

  /** For a message of this node's senders whose recipient is not on this node. */
  send(message: Message): void {
    const route = this.routeTo(message.to);
    const refused = this.deps.refusals.check(message);
    if (refused !== 0) {
      this.refuse(message, refused, 'sticky');
      return this.forgetIfUnused(route);
    }
    if (route.state === 'remote' && route.queue.length === 0) return this.forward(route, message);
    this.enqueue(route, message);
  }

  /** For a message of this node's senders to a peer on this node, while others are under way to its former owner. */
  hold(message: Message): void {
    this.enqueue(this.routeTo(message.to), message);
  }

  /** For a message from another node: whether it has to go back although the peer is here. */
  mustReturn(message: Message): boolean {
    return this.returns.has(message);
  }

  /** For a message from another node whose recipient is not here, or that must go back. */
  giveBack(message: Message): void {
    const route = this.routes.get(message.to);
    const isComing = route !== undefined && route.registering > 0 && !this.returns.has(message);
    if (isComing && route.arrived.length < MAX_QUEUED_MESSAGES) {
      route.arrived.push(message);
      return;
    }
    this.returns.add(message, this.deps.clock.now());
    const owner = route?.state === 'remote' ? route.location : null;
    const { entry } = message;
    this.deps.links.to(message.origin).control(encodeReturned(message, owner), entry === null ? null : [entry]);
  }

  /** A message that went to another node has come back; its former owner may name the new one. */
  cameBack(message: Message, pending: Pending, owner: Location | null): void {
    const { path } = pending;
    pending.path = 0;
    if (owner === null) this.deps.counters.returnedUnknown += 1;
    else this.deps.counters.returnedNamed += 1;
    const route = this.routes.get(message.to);
    if (route === undefined || route.path !== path || route.location === null) return this.send(message);
    route.returned.push(message);
    route.underWay -= 1;
    const known = Math.max(route.location.epoch, route.next?.epoch ?? 0);
    if (owner !== null && owner.epoch > known) route.next = owner;
    if (route.state === 'remote') route.state = 'draining';
    this.goOnIfDrained(route);
  }

  /** A message that went to another node has its outcome. */
  settled({ to, path }: Pending): void {
    const route = this.routes.get(to);
    if (route === undefined || route.path !== path) return;
    route.underWay -= 1;
    if (route.state === 'draining') this.goOnIfDrained(route);
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
    const owned = this.deps.owns(key);
    if (owned || route.registering === 0) this.passOnArrived(route);
    if (!owned && route.state !== 'draining') this.drain(route);
    this.forgetIfUnused(route);
  }

  /**
   * The peer has registered on this node. True: messages that this node sent to another owner are still under way, and
   * its own senders' new ones must wait for them (see `hold`).
   */
  registrationSucceeded(key: PeerKey): boolean {
    const route = this.routeTo(key);
    route.registering -= 1;
    this.passOnArrived(route);
    if (route.underWay === 0 && route.returned.length === 0) {
      this.flushToOwner(route);
      return false;
    }
    route.state = 'draining';
    return true;
  }

  /** A registration of the peer on this node has ended; `rest` came too late for it. */
  leftLocal(key: PeerKey, owner: Location | null, rest: readonly Message[]): void {
    const route = this.routeTo(key);
    const next = owner === null || owner.node === this.deps.settings.node ? null : owner;
    const own = rest.filter((message) => message.entry === null);
    if (route.state === 'draining') {
      if (next !== null && next.epoch > (route.next?.epoch ?? 0)) route.next = next;
      route.putBack(own);
    } else {
      route.putBack(own);
      this.redirect(route, next);
    }
    for (const message of rest) if (message.entry !== null) this.giveBack(message);
    this.drain(route);
  }

  /** A node takes no messages any more; these never reached it, in their order. */
  closedTo(messages: readonly Message[]): void {
    for (const message of messages) {
      const { pending } = message;
      if (pending !== null && !pending.settled) this.cameBack(message, pending, null);
    }
  }

  /** A node is dead: the ways to it on which nothing is under way are forgotten, the others end by themselves. */
  nodeDead(node: NodeId): void {
    for (const route of this.routes.values()) {
      if (route.location?.node !== node || route.state !== 'remote' || route.underWay > 0) continue;
      this.redirect(route, null);
      this.drain(route);
    }
  }

  /**
   * A node is gone for good, and everything that it gave back has come. What it had read and still had, after the store
   * had forgotten it, is in nobody's hands.
   */
  nodeGone(node: NodeId): void {
    const affected = [...this.routes.values()].filter(
      (route) => route.location?.node === node && (route.state === 'remote' || route.state === 'draining'),
    );
    const lost = new Set<number>();
    for (const route of affected) {
      route.state = 'draining';
      if (route.underWay > 0) lost.add(route.path);
    }
    if (lost.size > 0) this.deps.onLost(lost);
    for (const route of affected) {
      if (route.state !== 'draining') continue;
      route.underWay = 0;
      this.goOnIfDrained(route);
    }
  }

  /** Forgets routes that were not used for a while, oldest first, when there are many. */
  sweep(now: number): void {
    this.returns.sweep(now);
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

  private redirect(route: Route, location: Location | null): void {
    this.lastPath += 1;
    route.redirect(location, this.lastPath);
  }

  private forward(route: Route, message: Message): void {
    const { links, clock, counters } = this.deps;
    const pending = message.pending as Pending;
    const sent = links.to((route.location as Location).node).message(message, route.path);
    if (sent === 'closed') return this.turnBack(route, message);
    if (sent === 'full') return this.refuse(message, ReceiptStatus.overloaded, 'link_full');
    if (sent === 'down') return this.refuse(message, ReceiptStatus.unavailable, 'node_unavailable');
    route.usedAt = clock.now();
    route.underWay += 1;
    pending.path = route.path;
    counters.carried('remote', message.payload.length);
  }

  /** The node of the owner takes no messages any more. */
  private turnBack(route: Route, message: Message): void {
    route.returned.push(message);
    route.state = 'draining';
    this.goOnIfDrained(route);
  }

  private enqueue(route: Route, message: Message): void {
    if (route.queue.length >= MAX_QUEUED_MESSAGES || route.queuedBytes > MAX_QUEUED_BYTES) {
      return this.refuse(message, ReceiptStatus.overloaded, 'queue_full');
    }
    route.enqueue(message);
    if (route.state === 'unknown') this.lookUp(route);
  }

  /** The next that waits. Whose sender was given up meanwhile goes nowhere: its client sends it again elsewhere. */
  private dequeue(route: Route): Message | undefined {
    for (;;) {
      const message = route.dequeue();
      if (!message?.pending?.settled) return message;
      this.deps.counters.drop('sender_gone');
    }
  }

  /** Sends on what waits, as far as the state of the route allows. */
  private drain(route: Route): void {
    if (route.state === 'unknown' && route.queue.length > 0) return this.lookUp(route);
    while (route.state === 'remote' && route.queue.length > 0) {
      const message = this.dequeue(route);
      if (message === undefined) break;
      const refused = this.deps.refusals.check(message);
      if (refused === 0) this.forward(route, message);
      else this.refuse(message, refused, 'sticky');
    }
    this.forgetIfUnused(route);
  }

  private forgetIfUnused(route: Route): void {
    if (route.state === 'unknown' && route.isIdle) this.routes.delete(route.key);
  }

  /** Nothing is under way any more: what came back goes first on the new way, then what has waited. */
  private goOnIfDrained(route: Route): void {
    if (route.underWay > 0) return;
    route.putBackReturned();
    if (this.deps.owns(route.key)) {
      this.flushToOwner(route);
      return this.deps.release(route.key);
    }
    const { next, location } = route;
    route.left = location;
    this.redirect(route, next?.node === this.deps.settings.node ? null : next);
    this.drain(route);
  }

  /** The peer is on this node: what waited goes to its owner. */
  private flushToOwner(route: Route): void {
    this.redirect(route, null);
    route.left = null;
    for (let message = this.dequeue(route); message !== undefined; message = this.dequeue(route))
      this.deps.toOwner(message);
    this.forgetIfUnused(route);
  }

  /** What came from other nodes while a registration was under way: to the owner, or back. */
  private passOnArrived(route: Route): void {
    const { arrived } = route;
    route.arrived = [];
    for (const message of arrived) {
      if (this.deps.owns(route.key)) this.deps.toOwner(message);
      else this.giveBack(message);
    }
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
    this.redirect(route, location);
    const waiting = route.onLookedUp;
    route.onLookedUp = [];
    for (const proceed of waiting) proceed();
    this.drain(route);
  }

  private takeBatch(route: Route): Message[] {
    const batch: Message[] = [];
    let bytes = 0;
    while (route.queue.length > 0 && batch.length < MAX_LOOKUP_MESSAGES && bytes < MAX_LOOKUP_BYTES) {
      const message = this.dequeue(route);
      if (message === undefined) break;
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
        return this.refuseQueue(route, 'store_unavailable');
    }
  }

  private outcome(message: Message, { entries, attempted }: LookupResult & { kind: 'stored' }): void {
    if (entries.has(message)) return this.deps.receipts.give(message, ReceiptStatus.queued);
    if (attempted.has(message)) return this.refuse(message, ReceiptStatus.overloaded, 'mailbox_full');
    if (isStorable(message)) return this.refuse(message, ReceiptStatus.overloaded, 'realm_full');
    this.refuse(message, ReceiptStatus.offline, 'offline');
  }

  private found(route: Route, batch: readonly Message[], location: Location, retry: Retry): void {
    route.putBack(batch);
    const isHere = location.node === this.deps.settings.node;
    const isDead = !isHere && this.deps.isDead(location.node);
    const mustWait = isHere ? route.registering === 0 : isDead || route.distrusts(location);
    if (!mustWait) return this.lookedUp(route, isHere ? null : location);
    // A registration that is just being released, or one of a node that has gone; the next lookup may not see it.
    const now = this.deps.clock.now();
    const wait = retry.failed(now);
    if (retry.failedFor(now) >= DISTRUST_FOR_MS) {
      if (isHere) this.deps.endIfUnknown(route.key, location.epoch);
      return this.refuseQueue(route, isHere ? 'store_unavailable' : 'node_unavailable');
    }
    const again = once(() => {
      const batch = this.takeBatch(route);
      if (route.registering === 0 && batch.length > 0) return this.locate(route, batch, retry);
      route.putBack(batch);
      this.lookedUp(route, null);
    });
    this.deps.timers.after(isDead ? LOOK_AT_DEAD_MS : wait, again);
    if (isDead) this.deps.endFor(route.key, location, again);
  }

  private refuseQueue(route: Route, reason: DropReason): void {
    for (let message = this.dequeue(route); message !== undefined; message = this.dequeue(route)) {
      this.refuse(message, ReceiptStatus.unavailable, reason);
    }
    this.lookedUp(route, null);
  }

  private refuse(message: Message, status: number, reason: DropReason): void {
    this.deps.receipts.refuse(message, status, reason);
  }
}

/** The first call calls, the others do nothing. */
function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    call();
  };
}
