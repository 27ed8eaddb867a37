import type { Message } from './message.ts';

interface Returned {
  readonly path: number;
  readonly at: number;
}

/** Milliseconds for which messages may still come on a way from which earlier ones were given back. */
const KEEP_MS = 60_000;

/**
 * From the first message on that a node gives back, it gives back all that come on the same way, also if the peer has
 * come back to it meanwhile: they must not overtake the first ones, which come again on a new way.
 */
export class Returns {
  private readonly bySource = new Map<string, Returned>();

  /** Whether an earlier message on the way of this one was given back. */
  has(message: Message): boolean {
    if (this.bySource.size === 0) return false;
    const returned = this.bySource.get(wayOf(message));
    return returned !== undefined && message.path <= returned.path;
  }

  add(message: Message, now: number): void {
    const way = wayOf(message);
    const known = this.bySource.get(way);
    this.bySource.delete(way);
    this.bySource.set(way, { path: Math.max(message.path, known?.path ?? 0), at: now });
  }

  /** Forgets what is older than any message under way; entries stand in the order of their time. */
  sweep(now: number): void {
    for (const [way, returned] of this.bySource) {
      if (returned.at + KEEP_MS > now) return;
      this.bySource.delete(way);
    }
  }
}

function wayOf(message: Message): string {
  return `${message.origin} ${message.to}`;
}
