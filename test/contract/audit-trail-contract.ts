import { expect, test } from 'vitest';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const CAP = 10_000;
/** A stream is trimmed by whole blocks of about a hundred entries. */
const SLACK = 200;

export function auditTrailContract(get: () => Implementation): void {
  const trail = () => get().store.auditTrail;
  const read = async (count: number) => of('entries', await trail().read(count)).entries;

  test('entries are read newest first, as many as asked for, as they were written', async () => {
    expect(await read(10)).toEqual([]);
    const node = newNode();
    const entry = (number: number) => ({ node, by: 'operate …9f', action: 'ban.add', details: `{"é":"${number}"}` });
    for (let number = 1; number <= 3; number++) {
      expect(await trail().append(entry(number))).toEqual({ kind: 'appended' });
    }
    const all = await read(10);
    expect(all).toEqual([3, 2, 1].map((number) => ({ ...entry(number), at: expect.any(Number) })));
    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).sort((a, b) => b - a));
    expect(await read(2)).toEqual(all.slice(0, 2));
  });

  test('it is not found to last by mistake', async () => {
    const { lasting } = of('keys', await get().store.audit.keys(newNode(), 100_000));
    expect(lasting.filter((key) => key.includes('{cfg}'))).toEqual([]);
  });

  test('about the last ten thousand are kept', async () => {
    const node = newNode();
    for (let sent = 0; sent < CAP + 2 * SLACK; sent += SLACK) {
      const batch = Array.from({ length: SLACK }, (_, index) => ({
        node,
        by: '',
        action: 'test',
        details: String(sent + index),
      }));
      await Promise.all(batch.map((entry) => trail().append(entry)));
    }
    const entries = await read(2 * CAP);
    expect(entries.length).toBeGreaterThanOrEqual(CAP);
    expect(entries.length).toBeLessThanOrEqual(CAP + SLACK);
    const last = CAP + 2 * SLACK - 1;
    expect(entries.map(({ details }) => Number(details))).toEqual(entries.map((_, index) => last - index));
  });
}
