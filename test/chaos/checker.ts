import { type History, isGood, type Sent, type Shown } from './history.ts';

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

/**
 * A time in which Redis lost all that it held. Milliseconds of the histories' clock.
 *
 * What was stored in Redis only is gone with it, and that is the one thing that this excuses: a message that was
 * receipted `queued`, sent before Redis was back, and may have been in its mailbox when Redis went. It cannot have been
 * where a later message of the same sender had been shown to the recipient before.
 */
export interface Wipe {
  readonly from: number;
  /** Redis was back, and empty. */
  readonly to: number;
}

export interface CheckOptions {
  readonly wipes?: readonly Wipe[];
}

interface Message extends Sent {
  readonly from: string;
  /** When it was first shown; null while it was not. */
  shownAt: number | null;
}

/** By sender, then by id: all that was sent. */
type Sendings = ReadonlyMap<string, ReadonlyMap<number, Message>>;

function sendings(histories: readonly History[]): Sendings {
  const all = new Map<string, Map<number, Message>>();
  for (const { peer, sent } of histories) {
    const ofPeer = all.get(peer) ?? new Map<number, Message>();
    all.set(peer, ofPeer);
    for (const one of sent) ofPeer.set(one.id, { ...one, from: peer, shownAt: null });
  }
  return all;
}

/** What wipes excuse, once it is known when each message was shown. */
class Excuses {
  readonly #wipes: readonly { readonly to: number; readonly shownBefore: ReadonlyMap<string, number> }[];

  constructor(wipes: readonly Wipe[], sent: Sendings) {
    const all = [...sent.values()].flatMap((messages) => [...messages.values()]);
    this.#wipes = wipes.map(({ from, to }) => {
      const shownBefore = new Map<string, number>();
      for (const one of all) {
        if (one.shownAt === null || one.shownAt >= from) continue;
        shownBefore.set(pairOf(one), Math.max(one.id, shownBefore.get(pairOf(one)) ?? 0));
      }
      return { to, shownBefore };
    });
  }

  /** Whether a message that was receipted `queued` may have been in its mailbox when Redis lost all. */
  cover(message: Message): boolean {
    return this.#wipes.some(
      ({ to, shownBefore }) => message.at <= to && (shownBefore.get(pairOf(message)) ?? 0) < message.id,
    );
  }
}

function pairOf({ from, to }: Message): string {
  return JSON.stringify([from, to]);
}

/** The first showings of all clients of a peer, one after another in time, must be in the order of the ids. */
class Order {
  readonly #latest = new Map<string, number>();

  /** The id that was shown before and was sent later, or null. */
  overtakenBy(message: Message): number | null {
    const pair = pairOf(message);
    const latest = this.#latest.get(pair);
    if (latest !== undefined && latest > message.id) return latest;
    this.#latest.set(pair, message.id);
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
    if (message.shownAt !== null) continue;
    message.shownAt = one.at;
    const overtaker = order.overtakenBy(message);
    if (overtaker !== null) add('reordered', `first shown behind ${overtaker}`);
  }
}

function violation(kind: ViolationKind, one: Shown & { readonly to: string }, detail: string): Violation {
  return { kind, from: one.from, to: one.to, id: one.id, at: one.at, detail };
}

/** @returns how many messages were refused */
function checkOutcomes(
  histories: readonly History[],
  sent: Sendings,
  wipes: readonly Wipe[],
  found: Violation[],
): number {
  let refused = 0;
  const excuses = new Excuses(wipes, sent);
  for (const [from, messages] of sent) {
    const outcomes = new Map(
      histories.filter(({ peer }) => peer === from).flatMap((history) => history.outcomes.map((one) => [one.id, one])),
    );
    for (const message of messages.values()) {
      const { to, id, at, shownAt } = message;
      const outcome = outcomes.get(id);
      if (outcome === undefined) found.push({ kind: 'unanswered', from, to, id, at, detail: 'no outcome' });
      else if (!isGood(outcome.status)) refused += 1;
      else if (shownAt === null && !(outcome.status === 'queued' && excuses.cover(message)))
        found.push({ kind: 'lost', from, to, id, at: outcome.at, detail: outcome.status });
    }
  }
  return refused;
}

/**
 * Holds what clients were told and shown against what was sent. The histories are complete: nothing is under way any
 * more. A refused message may be shown or not: only a receipt is a promise.
 */
export function check(histories: readonly History[], { wipes = [] }: CheckOptions = {}): Report {
  const sent = sendings(histories);
  const violations: Violation[] = [];
  checkShown(histories, sent, violations);
  const refused = checkOutcomes(histories, sent, wipes, violations);
  const messages = [...sent.values()].reduce((sum, { size }) => sum + size, 0);
  return { messages, refused, violations };
}

export function countOf(kind: ViolationKind, { violations }: Report): number {
  return violations.filter((one) => one.kind === kind).length;
}
