import { DEDUPE_IDS, DEDUPE_MS, type PeerId } from '@causeway/protocol';
import { describe, expect, it } from 'vitest';
import { Shown } from './shown.ts';

const ALICE = 'alice' as PeerId;
const peer = (n: number): PeerId => `peer-${n}` as PeerId;

describe('Shown', () => {
  it('remembers the last 4096 ids of a sender however long ago they came', () => {
    const shown = new Shown();
    for (let id = 1; id <= 20_000; id++) shown.add(ALICE, id, id * DEDUPE_MS);
    for (let id = 20_000 - DEDUPE_IDS + 1; id <= 20_000; id++) expect(shown.has(ALICE, id)).toBe(true);
    expect(shown.has(ALICE, 1)).toBe(false);
  });

  it('remembers the ids of the last 60 s however many they are', () => {
    const shown = new Shown();
    for (let id = 1; id <= 100_000; id++) shown.add(ALICE, id, id);
    for (let id = 100_000 - DEDUPE_MS + 1; id <= 100_000; id++) expect(shown.has(ALICE, id)).toBe(true);
  });

  it('forgets the sender not heard from for longest when there are too many', () => {
    const shown = new Shown({ senders: 3, ids: 1000 });
    for (const n of [1, 2, 3, 1, 4]) shown.add(peer(n), n, 0);
    expect([1, 2, 3, 4].map((n) => shown.has(peer(n), n))).toEqual([true, false, true, true]);
  });

  it('forgets other senders, then the older half of the present one, when there are too many ids', () => {
    const shown = new Shown({ senders: 10, ids: 100 });
    shown.add(peer(1), 1, 0);
    for (let id = 1; id <= 100; id++) shown.add(ALICE, id, 0);
    expect(shown.has(peer(1), 1)).toBe(false);
    expect(shown.has(ALICE, 1)).toBe(true);
    shown.add(ALICE, 101, 0);
    expect([1, 50, 51, 100, 101].map((id) => shown.has(ALICE, id))).toEqual([false, false, true, true, true]);
  });
});
