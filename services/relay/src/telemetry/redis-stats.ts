import { Distribution } from '../core/counters.ts';

/** Names are those of our scripts and of a few commands; the bound only makes sure that labels stay few. */
const MOST_NAMES = 64;
const OTHER = 'other';

export interface CommandCount {
  ok: number;
  error: number;
}

/** What the Redis client's hook reports. */
export class RedisStats {
  readonly commands = new Map<string, CommandCount>();
  /** Milliseconds. */
  readonly latency = new Distribution([0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000]);

  /** A command was answered after so many milliseconds. */
  readonly onCommand = (name: string, ms: number, ok: boolean): void => {
    const count = this.commands.get(name) ?? this.#begin(name);
    if (ok) count.ok += 1;
    else count.error += 1;
    this.latency.observe(ms);
  };

  #begin(name: string): CommandCount {
    if (name !== OTHER && this.commands.size >= MOST_NAMES - 1) return this.commands.get(OTHER) ?? this.#begin(OTHER);
    const count = { ok: 0, error: 0 };
    this.commands.set(name, count);
    return count;
  }
}
