import { HEARTBEATS_BEFORE_TIMEOUT } from '@causeway/protocol';

/** A heartbeat is this many ticks; each tick looks at one part of the connections. */
const TICKS = 20;

/** The numbers belong to the Heartbeat. */
export interface Beating {
  /** Tick at which bytes last came from the peer. */
  lastSeen: number;
  /** Part of the connections that it belongs to. */
  part: number;
  /** Asks the peer for a sign of life. */
  ping(): void;
  /** Nothing came for two heartbeats. */
  silent(): void;
}

/**
 * One timer for all connections. Each is looked at once a heartbeat, so a silent one is found two to three heartbeats
 * after its last byte.
 */
export class Heartbeat {
  readonly #parts: readonly Set<Beating>[] = Array.from({ length: TICKS }, () => new Set<Beating>());
  readonly #timer: NodeJS.Timeout;
  #added = 0;
  #tick = 0;

  constructor(heartbeatMs: number) {
    this.#timer = setInterval(() => this.#beat(), heartbeatMs / TICKS);
  }

  /** Parts take turns, so that many connections that come at once are not asked at once. */
  add(beating: Beating): void {
    this.#added += 1;
    beating.part = this.#added % TICKS;
    beating.lastSeen = this.#tick;
    this.#part(beating.part).add(beating);
  }

  /** Bytes came from the peer. */
  seen(beating: Beating): void {
    beating.lastSeen = this.#tick;
  }

  remove(beating: Beating): void {
    this.#part(beating.part).delete(beating);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #part(index: number): Set<Beating> {
    return this.#parts[index] as Set<Beating>;
  }

  #beat(): void {
    this.#tick += 1;
    const silentBefore = this.#tick - HEARTBEATS_BEFORE_TIMEOUT * TICKS;
    for (const beating of this.#part(this.#tick % TICKS)) {
      if (beating.lastSeen <= silentBefore) beating.silent();
      else beating.ping();
    }
  }
}
