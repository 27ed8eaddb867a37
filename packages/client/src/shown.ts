import { DEDUPE_IDS, DEDUPE_MS, type MessageId, type PeerId } from '@causeway/protocol';

/**
 * Ids of one sender in two generations. The younger becomes the older once it alone holds 4096 ids and 60 s, so no
 * time is kept for each id, and at most about twice as many ids as needed.
 */
class Generations {
  #younger = new Set<MessageId>();
  #older = new Set<MessageId>();
  #since: number;

  constructor(now: number) {
    this.#since = now;
  }

  get size(): number {
    return this.#younger.size + this.#older.size;
  }

  has(id: MessageId): boolean {
    return this.#younger.has(id) || this.#older.has(id);
  }

  /** @param max ids that a generation may hold, whatever their age */
  add(id: MessageId, now: number, max: number): void {
    const { size } = this.#younger;
    if (size >= max || (size >= DEDUPE_IDS && now - this.#since >= DEDUPE_MS)) {
      this.#older = this.#younger;
      this.#younger = new Set();
      this.#since = now;
    }
    this.#younger.add(id);
  }
}

/** What the memory may hold at most; within it each sender has its last 4096 ids or 60 s. */
export interface ShownLimits {
  /** Beyond it, the sender not heard from for longest is forgotten. */
  readonly senders: number;
  /** Of all senders together. */
  readonly ids: number;
}

/** Some 100 MB at worst, and far above what 60 s of ordinary traffic need. */
const DEFAULT_LIMITS: ShownLimits = { senders: 16_384, ids: 1_000_000 };

/**
 * Which messages the application has been shown: of each sender at least the last 4096 or those of the last 60 s,
 * whichever is more (PROTOCOL section 3), in bounded memory. Times are milliseconds of a clock that does not go back.
 */
export class Shown {
  readonly #limits: ShownLimits;
  /** The one heard from last is the last. */
  readonly #senders = new Map<PeerId, Generations>();
  #ids = 0;

  constructor(limits: ShownLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  has(from: PeerId, id: MessageId): boolean {
    return this.#senders.get(from)?.has(id) ?? false;
  }

  add(from: PeerId, id: MessageId, now: number): void {
    const sender = this.#senders.get(from) ?? new Generations(now);
    const before = sender.size;
    sender.add(id, now, this.#limits.ids >> 1);
    this.#ids += sender.size - before;
    this.#senders.delete(from);
    this.#senders.set(from, sender);
    if (this.#full) this.#forgetOldest(sender);
  }

  get #full(): boolean {
    return this.#senders.size > this.#limits.senders || this.#ids > this.#limits.ids;
  }

  #forgetOldest(latest: Generations): void {
    for (const [from, sender] of this.#senders) {
      if (!this.#full || sender === latest) return;
      this.#ids -= sender.size;
      this.#senders.delete(from);
    }
  }
}
