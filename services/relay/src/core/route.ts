import type { PeerKey } from './address.ts';
import { Deque } from './deque.ts';
import type { Message } from './message.ts';
import type { Location } from './ports.ts';

/** Where a barrier came from: another node wants to know when everything before it has been dealt with. */
export interface Barrier {
  readonly source: Location['node'];
  readonly sequence: number;
  /** Of its own registration of the peer. */
  readonly epoch: number;
}

/**
 * `unknown`: nothing is known, a lookup has to be made. `looking`: it is under way. `remote`: messages go to the owner.
 * `held`: the owner said that it is the owner no more; new messages wait until everything sent to it has been dealt with.
 */
export type RouteState = 'unknown' | 'looking' | 'remote' | 'held';

/**
 * What this node knows of the way to one recipient that it does not own. The knowledge is corrected by the owners, never
 * by a timer: one who is asked for a peer that it no longer owns says where it went and up to which sequence it has
 * passed everything on.
 */
export class Route {
  readonly key: PeerKey;
  state: RouteState = 'unknown';
  /** The owner that messages were sent to last. */
  location: Location | null = null;
  /** The owner that they go to when everything is covered. */
  next: Location | null = null;
  /** Sequence of the last frame for this recipient on the link to `location`. */
  lastSequence = 0;
  /** The same for the last message that came from another node; those have no receipts here. */
  lastForwarded = 0;
  /** The old owner has dealt with everything up to this sequence. */
  covered = 0;
  /** The old owner was asked (`flush`) and has to answer; receipts alone do not tell. */
  mustBeAnswered = false;
  /** Messages of this node's own senders that went to `location` and have no receipt. */
  unsettled = 0;
  /** Waits for a lookup, or for the old owner. */
  readonly queue = new Deque<Message>();
  queuedBytes = 0;
  /** Those in `queue` that came from other nodes. */
  queuedForwards = 0;
  /** Registrations of the peer on this node that are under way: no lookup may run beside them. */
  registering = 0;
  /** Called when the lookup that is under way has ended. */
  onLookedUp: (() => void)[] = [];
  /** Answered as soon as nothing waits in `queue` nor is on its way to be appended. */
  barriers: Barrier[] = [];
  /** Messages that were given to the link and not confirmed by it. */
  inLink = 0;
  usedAt = 0;

  constructor(key: PeerKey) {
    this.key = key;
  }

  /** Everything that was sent to the old owner has been dealt with: nothing new can overtake it. */
  get isCovered(): boolean {
    if (this.covered >= this.lastSequence) return true;
    return !this.mustBeAnswered && this.unsettled === 0 && this.covered >= this.lastForwarded;
  }

  get isIdle(): boolean {
    return (
      this.queue.length === 0 &&
      this.unsettled === 0 &&
      this.inLink === 0 &&
      this.barriers.length === 0 &&
      this.registering === 0
    );
  }

  enqueue(message: Message): void {
    this.queue.push(message);
    this.count(message, 1);
  }

  dequeue(): Message | undefined {
    const message = this.queue.shift();
    if (message !== undefined) this.count(message, -1);
    return message;
  }

  /** Puts messages back in front, in their order. */
  putBack(messages: readonly Message[]): void {
    for (let i = messages.length - 1; i >= 0; i -= 1) {
      const message = messages[i] as Message;
      this.queue.unshift(message);
      this.count(message, 1);
    }
  }

  private count(message: Message, sign: 1 | -1): void {
    this.queuedBytes += sign * message.payload.length;
    if (message.entry !== null) this.queuedForwards += sign;
  }

  /** Starts afresh towards a new owner, or none. */
  redirect(location: Location | null): void {
    this.location = location;
    this.next = null;
    this.state = location === null ? 'unknown' : 'remote';
    this.lastSequence = 0;
    this.lastForwarded = 0;
    this.covered = 0;
    this.mustBeAnswered = false;
  }
}
