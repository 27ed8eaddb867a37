const FIRST_MS = 20;
const LAST_MS = 320;

/** How long a store has failed, and when to try again. */
export class Retry {
  private since = 0;
  private wait = FIRST_MS;

  succeeded(): void {
    this.since = 0;
    this.wait = FIRST_MS;
  }

  /** Milliseconds until the next try. */
  failed(now: number): number {
    if (this.since === 0) this.since = now;
    const wait = this.wait;
    this.wait = Math.min(LAST_MS, wait * 2);
    return wait;
  }

  failedFor(now: number): number {
    return this.since === 0 ? 0 : now - this.since;
  }
}
