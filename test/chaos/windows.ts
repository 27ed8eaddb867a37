import { type History, isGood, type Sent } from './history.ts';
import { longestOutage } from './outage.ts';

/** From the injection of a fault until it was over; milliseconds of the histories' clock. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

function sentIn(histories: readonly History[], { from, to }: Window): number {
  return histories.reduce((sum, { sent }) => sum + sent.filter(({ at }) => at >= from && at <= to).length, 0);
}

/** Of all messages that were sent, the share whose recipient was on another node. */
export function crossingShare(histories: readonly History[]): number {
  const all = histories.flatMap(({ sent }) => sent);
  return all.filter(({ crossing }) => crossing).length / Math.max(1, all.length);
}

/** A fault counts only where clients went on sending, and at least so much of what they sent crossed nodes. */
const LEAST_CROSSING = 0.3;

/** How many of the faults were injected under real traffic. */
export function countedFaults(histories: readonly History[], windows: readonly Window[]): number {
  if (crossingShare(histories) < LEAST_CROSSING) return 0;
  return windows.filter((window) => sentIn(histories, window) > 0).length;
}

export interface Calm {
  readonly good: number;
  readonly refused: number;
}

/** The outcomes outside all windows, each of which is taken to end so many milliseconds later. */
export function calmOutcomes(histories: readonly History[], windows: readonly Window[], graceMs: number): Calm {
  const isCalm = (at: number): boolean => !windows.some(({ from, to }) => at >= from && at <= to + graceMs);
  let good = 0;
  let refused = 0;
  for (const { outcomes, refusals } of histories) {
    for (const { at, status } of outcomes) {
      if (!isCalm(at)) continue;
      if (isGood(status)) good += 1;
      else refused += 1;
    }
    refused += refusals.filter(isCalm).length;
  }
  return { good, refused };
}

/**
 * The longest time, in milliseconds, for which a conversation within a node stood still during a fault: two clients
 * that were on the node since before the fault and until its end, with messages under way and no outcome for any of them.
 * Whoever the fault sent away is not meant, and has another connection by then.
 */
export function longestLocalPause(histories: readonly History[], windows: readonly Window[]): number {
  const byPeer = new Map(histories.map((history) => [history.peer, history]));
  let longest = 0;
  for (const window of windows) {
    const { from, to } = window;
    for (const sender of histories) {
      const node = stayedOn(sender, window);
      if (node === null) continue;
      const during = sender.sent.filter(({ at }) => at >= from && at <= to);
      for (const peer of new Set(during.map((one) => one.to))) {
        const recipient = byPeer.get(peer);
        if (recipient === undefined || stayedOn(recipient, window) !== node) continue;
        longest = Math.max(
          longest,
          pauseOf(
            sender,
            during.filter((one) => one.to === peer),
            to,
          ),
        );
      }
    }
  }
  return longest;
}

function pauseOf({ outcomes }: History, sent: readonly Sent[], until: number): number {
  const ids = new Set(sent.map(({ id }) => id));
  return longestOutage({ sent, outcomes: outcomes.filter(({ id, at }) => ids.has(id) && at <= until) }, until);
}

/** The node of a client that had one and the same connection for the whole time. */
function stayedOn({ connections }: History, { from, to }: Window): string | null {
  const last = connections.findLast(({ at }) => at <= from);
  return last === undefined || connections.some(({ at }) => at > from && at <= to) ? null : last.node;
}
