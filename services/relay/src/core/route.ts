import type { PeerKey } from './address.ts';
import { Deque } from './deque.ts';
import type { Message } from './message.ts';
import type { Location } from './ports.ts';

/**
 * `unknown`: nothing is known, a lookup has to be made. `looking`: it is under way. `remote`: messages go to the owner.
 * `draining`: that owner is the owner no more, or the peer has come to this node; what is new waits until each message
 * that went to it has its outcome or has come back.
 */
export type RouteState = 'unknown' | 'looking' | 'remote' | 'draining';

/**
 * What this node knows of the way to one recipient, for the messages of its own senders. The knowledge is corrected by
 * the owners, never by a timer: one that no longer owns the peer gives back what comes for it.
 */
export class Route {
  readonly key: PeerKey;
  state: RouteState = 'unknown';
  /** The owner that messages go to, or went to. */
  location: Location | null = null;
  /** The owner that the last one named as its successor. */
  next: Location | null = null;
  /** Number of this way; each way to an owner has one of its own, higher than all before. */
  path = 0;
  /** Messages that went this way and have neither an outcome nor come back. */
  underWay = 0;
  /** What came back. */
  returned: Message[] = [];
  /** Waits for a lookup, for a registration on this node, or for what is under way. */
  readonly queue = new Deque<Message>();
  queuedBytes = 0;
  /** From other nodes, for the peer whose registration on this node is under way. */
  arrived: Message[] = [];
  /** Registrations of the peer on this node that are under way: no lookup may run beside them. */
  registering = 0;
  /** Called when the lookup that is under way has ended. */
  onLookedUp: (() => void)[] = [];
  /** The location that gave messages back last, or whose node has gone: the store will soon know better. */
  left: Location | null = null;
  usedAt = 0;

  constructor(key: PeerKey) {
    this.key = key;
  }

  get isIdle(): boolean {
    const isEmpty = this.queue.length === 0 && this.returned.length === 0 && this.arrived.length === 0;
    return isEmpty && this.underWay === 0 && this.registering === 0;
  }

  enqueue(message: Message): void {
    this.queue.push(message);
    this.queuedBytes += message.payload.length;
  }

  dequeue(): Message | undefined {
    const message = this.queue.shift();
    if (message !== undefined) this.queuedBytes -= message.payload.length;
    return message;
  }

  /** Puts messages in front, in their order. */
  putBack(messages: readonly Message[]): void {
    for (let i = messages.length - 1; i >= 0; i -= 1) {
      const message = messages[i] as Message;
      this.queue.unshift(message);
      this.queuedBytes += message.payload.length;
    }
  }

  /** What came back goes first, as it was sent. */
  putBackReturned(): void {
    const { returned } = this;
    this.returned = [];
    this.putBack(returned.sort((one, other) => one.order - other.order));
  }

  /** Whether the owner at this location is known not to be one any more. */
  distrusts(location: Location): boolean {
    return location.node === this.left?.node && location.epoch <= this.left.epoch;
  }

  /** A new way, to an owner or (null) to nobody yet. Nothing may be under way on the old one. */
  redirect(location: Location | null, path: number): void {
    this.location = location;
    this.next = null;
    this.path = path;
    this.underWay = 0;
    this.state = location === null ? 'unknown' : 'remote';
  }
}
