import { describe, expect, it } from 'vitest';
import type { History } from './history.ts';
import { calmOutcomes, countedFaults, crossingShare, longestLocalPause } from './windows.ts';

function history(peer: string, rest: Partial<History>): History {
  return { peer, firstId: 1, sent: [], outcomes: [], shown: [], connections: [], refusals: [], ...rest };
}

function sent(at: number, crossing: boolean, id = at): History['sent'][number] {
  return { to: 'bob', id, digest: 0, at, crossing };
}

describe('the share that crosses nodes', () => {
  it('is of all that was sent', () => {
    expect(crossingShare([])).toBe(0);
    expect(crossingShare([history('alice', { sent: [sent(1, true), sent(2, false)] }), history('bob', {})])).toBe(0.5);
  });
});

describe('a fault counts', () => {
  const window = { from: 10, to: 20 };

  it('only where somebody sends during it', () => {
    expect(countedFaults([history('alice', { sent: [sent(5, true), sent(15, true)] })], [window])).toBe(1);
    expect(countedFaults([history('alice', { sent: [sent(5, true), sent(25, true)] })], [window])).toBe(0);
  });

  it('only where enough crosses nodes', () => {
    const all = [5, 11, 12, 13].map((at) => sent(at, at === 5));
    expect(countedFaults([history('alice', { sent: all })], [window])).toBe(0);
    expect(countedFaults([history('alice', { sent: [...all, sent(14, true)] })], [window])).toBe(1);
  });
});

describe('calm outcomes', () => {
  it('are those outside the windows and their grace', () => {
    const outcomes = [5, 15, 23, 26].map((at) => ({ id: at, status: at === 26 ? 'unconfirmed' : 'queued', at }));
    const all = [history('alice', { outcomes, refusals: [5, 10, 24, 25.5, 60] })];
    expect(calmOutcomes(all, [{ from: 10, to: 20 }], 5)).toEqual({ good: 1, refused: 4 });
    expect(calmOutcomes(all, [{ from: 10, to: 20 }], 50)).toEqual({ good: 1, refused: 1 });
  });
});

describe('the longest pause within a node', () => {
  const on = (node: string, at: number): History['connections'][number] => ({ node, at });
  const bob = history('bob', { connections: [on('a', 0)] });
  const outcomes = [
    { id: 12, status: 'delivered', at: 16 },
    { id: 14, status: 'delivered', at: 17 },
  ];
  const alice = history('alice', { sent: [sent(12, false), sent(14, false)], outcomes, connections: [on('a', 0)] });
  const pause = (...all: History[]): number => longestLocalPause(all, [{ from: 10, to: 20 }]);

  it('is the longest wait of a pair in a window', () => {
    expect(pause(alice, bob)).toBe(4);
    expect(pause({ ...alice, outcomes: outcomes.slice(0, 1) }, bob)).toBe(4);
    expect(pause({ ...alice, outcomes: [] }, bob)).toBe(8);
    expect(longestLocalPause([alice, bob], [{ from: 30, to: 40 }])).toBe(0);
  });

  it('leaves out who was elsewhere, came during the fault, or was sent away by it', () => {
    expect(pause(alice, { ...bob, connections: [on('b', 0)] })).toBe(0);
    expect(pause(alice, { ...bob, connections: [on('a', 0), on('a', 11)] })).toBe(0);
    expect(pause({ ...alice, connections: [on('a', 0), on('a', 19)] }, bob)).toBe(0);
    expect(pause({ ...alice, connections: [on('a', 0), on('a', 21)] }, bob)).toBe(4);
  });
});
