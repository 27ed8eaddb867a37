import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
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
/** Refusals that are remembered, about 350 bytes each; beyond that those of a connection go that refused longest ago. */
export const MAX_REFUSALS = 250_000;

/**
 * Refusals are sticky (PROTOCOL section 3): what a connection had under way to a recipient when an earlier message of it
 * was refused must be refused as well, wherever it arrives, or it would overtake the one that is sent again. Each
 * beginning-again has a higher `run`, so a refusal holds for messages of its own run and of earlier ones only. It does
 * not hold for what came before the refused message in its run and still waits: a client counts on that to be carried.
 *
 * The sender's session holds the refusals of what it has not sent yet; this table is about what is already under way.
 */
export class Refusals {
  /** By the connection that sent, then by the recipient; both in the order of the latest refusal. */
  private readonly bySession = new Map<string, Map<PeerKey, Refusal>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The status with which this message has to be refused; 0 for none. */
  check(message: Flow): number {
    if (this.count === 0) return 0;
    const refusal = this.bySession.get(sessionOf(message.origin, message.session))?.get(message.to);
    if (refusal === undefined || !isAtOrBefore(message.run, refusal.run)) return 0;
    return message.run !== refusal.run || message.order > refusal.order ? refusal.status : 0;
  }

  add(message: Flow, status: number, now: number): void {
    const session = sessionOf(message.origin, message.session);
    const refusals = this.bySession.get(session) ?? new Map<PeerKey, Refusal>();
    const known = refusals.get(message.to);
    if (known !== undefined && isAtOrBefore(message.run, known.run)) {
      if (message.run === known.run) known.order = Math.min(known.order, message.order);
      return;
    }
    if (!refusals.delete(message.to)) this.count += 1;
    refusals.set(message.to, { status, run: message.run, order: message.order, at: now });
    this.bySession.delete(session);
    this.bySession.set(session, refusals);
    if (this.count > MAX_REFUSALS) this.evict();
  }

  /** A connection of this node has gone, and nothing of it is under way any more. */
  forget(origin: NodeId, session: number): void {
    this.drop(sessionOf(origin, session));
  }

  /** Forgets what is older than any message under way. */
  sweep(now: number): void {
    for (const [session, refusals] of this.bySession) {
      for (const [to, refusal] of refusals) {
        if (refusal.at + KEEP_MS > now) break;
        refusals.delete(to);
        this.count -= 1;
      }
      if (refusals.size === 0) this.bySession.delete(session);
    }
  }

  private evict(): void {
    for (const session of this.bySession.keys()) return this.drop(session);
  }

  private drop(session: string): void {
    this.count -= this.bySession.get(session)?.size ?? 0;
    this.bySession.delete(session);
  }
}

/** Runs are 16 bits and begin again at 0. */
function isAtOrBefore(run: number, other: number): boolean {
  return ((other - run) & 0xffff) < 0x8000;
}

function sessionOf(origin: NodeId, session: number): string {
  return `${origin} ${session}`;
}
