import type { History, Sent, Shown } from './history.ts';

export const VIOLATIONS = ['lost', 'repeated', 'reordered', 'corrupted', 'unanswered'] as const;
export type ViolationKind = (typeof VIOLATIONS)[number];

/** One message that broke a promise. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly from: string;
  readonly to: string;
  readonly id: number;
  /** Of the sending, the outcome or the showing that shows it. */
  readonly at: number;
  readonly detail: string;
}

export interface Report {
  readonly messages: number;
  /** Messages whose sender was told that they were refused. */
  readonly refused: number;
  readonly violations: readonly Violation[];
}

export interface CheckOptions {
  /** Messages that the relays counted as evicted or expired: as many may be missing without being lost. */
  readonly excused?: number;
}

interface Message extends Sent {
  readonly from: string;
  shown: boolean;
}

/** Whether the relay has promised that the message will be shown. */
function isGood(status: string): boolean {
  return status === 'delivered' || status === 'queued';
}

/** By sender, then by id: all that was sent. */
type Sendings = ReadonlyMap<string, ReadonlyMap<number, Message>>;

function sendings(histories: readonly History[]): Sendings {
  const all = new Map<string, Map<number, Message>>();
  for (const { peer, sent } of histories) {
    const ofPeer = all.get(peer) ?? new Map<number, Message>();
    all.set(peer, ofPeer);
    for (const one of sent) ofPeer.set(one.id, { ...one, from: peer, shown: false });
  }
  return all;
}

/** The first showings of all clients of a peer, one after another in time, must be in the order of the ids. */
class Order {
  readonly #latest = new Map<string, number>();

  /** The id that was shown before and was sent later, or null. */
  overtakenBy({ from, to, id }: Message): number | null {
    const pair = JSON.stringify([from, to]);
    const latest = this.#latest.get(pair);
    if (latest !== undefined && latest > id) return latest;
    this.#latest.set(pair, id);
    return null;
  }
}

function checkShown(histories: readonly History[], sent: Sendings, found: Violation[]): void {
  const firstIds = new Map(histories.map(({ peer, firstId }) => [peer, firstId]));
  const order = new Order();
  const showings = histories.flatMap(({ peer, shown }, client) => shown.map((one) => ({ ...one, to: peer, client })));
  const shownBy = histories.map(() => new Set<Message>());
  // Stable, so that the showings of one client stay in their order also within a millisecond.
  for (const one of showings.sort((a, b) => a.at - b.at)) {
    const add = (kind: ViolationKind, detail: string) => found.push(violation(kind, one, detail));
    const message = sent.get(one.from)?.get(one.id);
    if (message === undefined || message.to !== one.to) {
      if (message === undefined && one.id < (firstIds.get(one.from) ?? 0)) add('repeated', 'of an earlier history');
      else add('corrupted', message === undefined ? 'never sent' : `sent to ${message.to}`);
      continue;
    }
    if (message.digest !== one.digest) add('corrupted', 'its bytes differ from what was sent');
    const known = shownBy[one.client] as Set<Message>;
    if (known.has(message)) add('repeated', 'shown before by the same client');
    known.add(message);
    if (message.shown) continue;
    message.shown = true;
    const overtaker = order.overtakenBy(message);
    if (overtaker !== null) add('reordered', `first shown behind ${overtaker}`);
  }
}

function violation(kind: ViolationKind, one: Shown & { readonly to: string }, detail: string): Violation {
  return { kind, from: one.from, to: one.to, id: one.id, at: one.at, detail };
}

/** @returns how many messages were refused */
function checkOutcomes(histories: readonly History[], sent: Sendings, excused: number, found: Violation[]): number {
  let refused = 0;
  const missing: Violation[] = [];
  for (const [from, messages] of sent) {
    const outcomes = new Map(
      histories.filter(({ peer }) => peer === from).flatMap((history) => history.outcomes.map((one) => [one.id, one])),
    );
    for (const { to, id, at, shown } of messages.values()) {
      const outcome = outcomes.get(id);
      if (outcome === undefined) found.push({ kind: 'unanswered', from, to, id, at, detail: 'no outcome' });
      else if (!isGood(outcome.status)) refused += 1;
      else if (!shown) missing.push({ kind: 'lost', from, to, id, at: outcome.at, detail: outcome.status });
    }
  }
  // Which ones were evicted is not known; the relays evict the oldest.
  missing.sort((a, b) => a.at - b.at);
  found.push(...missing.slice(excused));
  return refused;
}

/**
 * Holds what clients were told and shown against what was sent. The histories are complete: nothing is under way any
 * more. A refused message may be shown or not: only a receipt is a promise.
 */
export function check(histories: readonly History[], { excused = 0 }: CheckOptions = {}): Report {
  const sent = sendings(histories);
  const violations: Violation[] = [];
  checkShown(histories, sent, violations);
  const refused = checkOutcomes(histories, sent, excused, violations);
  const messages = [...sent.values()].reduce((sum, { size }) => sum + size, 0);
  return { messages, refused, violations };
}

export function countOf(kind: ViolationKind, { violations }: Report): number {
  return violations.filter((one) => one.kind === kind).length;
}
