import { Distribution } from '../core/counters.ts';

/** Names are those of our scripts and of a few commands; the bound only makes sure that labels stay few. */
const MOST_NAMES = 64;
const OTHER = 'other';
/** Milliseconds. */
const LATENCY_MS = [0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000];

class CommandStats {
  ok = 0;
  error = 0;
  /** Milliseconds. */
  readonly latency = new Distribution(LATENCY_MS);
}

/** What the Redis client's hook reports. */
export class RedisStats {
  readonly commands = new Map<string, CommandStats>();

  /** A command was answered after so many milliseconds. */
  readonly onCommand = (name: string, ms: number, ok: boolean): void => {
    const stats = this.commands.get(name) ?? this.#begin(name);
    if (ok) stats.ok += 1;
    else stats.error += 1;
    stats.latency.observe(ms);
  };

  #begin(name: string): CommandStats {
    if (name !== OTHER && this.commands.size >= MOST_NAMES - 1) return this.commands.get(OTHER) ?? this.#begin(OTHER);
    const stats = new CommandStats();
    this.commands.set(name, stats);
    return stats;
  }
}
