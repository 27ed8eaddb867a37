import type { Message } from './message.ts';

/** What one connection sends to one recipient, in which run, and its place among what this node has taken in. */
export type Flow = Pick<Message, 'origin' | 'session' | 'to' | 'run' | 'order'>;

interface Refusal {
  readonly status: number;
  readonly run: number;
  /** Of the first message that was refused. */
  order: number;
  readonly at: number;
}

/** Milliseconds for which messages that were under way when an earlier one was refused may still come in. */
const KEEP_MS = 60_000;

/**
 * Refusals are sticky (PROTOCOL section 3): what a connection had under way to a recipient when an earlier message of it
 * was refused must be refused as well, wherever it arrives, or it would overtake the one that is sent again. Each
 * beginning-again has a higher `run`, so a refusal holds for messages of its own run and of earlier ones only. It does
 * not hold for what came before the refused message in its run and still waits: a client counts on that to be carried.
 *
 * The sender's session holds the refusals of what it has not sent yet; this table is about what is already under way.
 */
export class Refusals {
  private readonly byFlow = new Map<string, Refusal>();

  /** The status with which this message has to be refused; 0 for none. */
  check(message: Flow): number {
    if (this.byFlow.size === 0) return 0;
    const refusal = this.byFlow.get(flowOf(message));
    if (refusal === undefined || !isAtOrBefore(message.run, refusal.run)) return 0;
    return message.run !== refusal.run || message.order > refusal.order ? refusal.status : 0;
  }

  add(message: Flow, status: number, now: number): void {
    const flow = flowOf(message);
    const known = this.byFlow.get(flow);
    if (known !== undefined && isAtOrBefore(message.run, known.run)) {
      if (message.run === known.run) known.order = Math.min(known.order, message.order);
      return;
    }
    this.byFlow.delete(flow);
    this.byFlow.set(flow, { status, run: message.run, order: message.order, at: now });
  }

  /** Forgets what is older than any message under way; entries stand in the order of their time. */
  sweep(now: number): void {
    for (const [flow, refusal] of this.byFlow) {
      if (refusal.at + KEEP_MS > now) return;
      this.byFlow.delete(flow);
    }
  }
}

/** Runs are 16 bits and begin again at 0. */
function isAtOrBefore(run: number, other: number): boolean {
  return ((other - run) & 0xffff) < 0x8000;
}

function flowOf(message: Flow): string {
  return `${message.origin} ${message.session} ${message.to}`;
}
