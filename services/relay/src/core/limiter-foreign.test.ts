import { describe, expect, test } from 'vitest';
import { LimiterBench as Bench, keyOf, messages, REALM, takeAll } from '../../../../test/simulation/limits-bench.ts';
import type { Limiter } from './limiter.ts';

describe('relays that are not ours', () => {
  const ask = (limiter: Limiter, peer: string, count = 1, bytes = 0) =>
    limiter.allow({ realm: REALM, key: keyOf(peer), messages: count, bytes });

  test('share the buckets of realm and cluster with our own peers', async () => {
    const limiter = new Bench().node({ defaults: { realm: messages(1, 10) } });
    expect(takeAll(await limiter.open(keyOf('ours'), {}), 0, 6).passed).toBe(6);
    expect(await ask(limiter, 'theirs', 4)).toEqual({ allowed: true });
    expect(await ask(limiter, 'theirs')).toMatchObject({ allowed: false, scope: 'realm' });
  });

  test('two nodes that are asked for one peer share its bucket', async () => {
    const bench = new Bench();
    const document = { defaults: { peer: messages(1, 10) } };
    const nodes = [bench.node(document, { nodes: 2 }), bench.node(document, { nodes: 2 })] as const;
    let allowed = 0;
    for (let turn = 0; turn < 40; turn += 1) {
      if ((await ask(nodes[turn % 2] as Limiter, 'p')).allowed) allowed += 1;
      await bench.pass(100);
    }
    expect(allowed).toBeGreaterThanOrEqual(12);
    expect(allowed).toBeLessThanOrEqual(10 + 4 + 2);
    expect(await ask(nodes[0], 'p')).toMatchObject({ allowed: false, scope: 'peer' });
  });

  test('one round trip at most, when nothing is leased', async () => {
    const bench = new Bench();
    const limiter = bench.node({ defaults: { realm: messages(100, 100) } }, { nodes: 8 });
    expect(await ask(limiter, 'p', 90)).toEqual({ allowed: true });
    expect(bench.calls).toEqual(['lease']);
  });

  test('more than the burst never passes', async () => {
    const limiter = new Bench().node({
      defaults: { realm: { messages: { perSecond: 100, burst: 10 }, bytes: { perSecond: 9, burst: 5000 } } },
    });
    expect(await ask(limiter, 'p', 11)).toEqual({ allowed: false, scope: 'realm', retryAfterMs: 10_000 });
    expect(await ask(limiter, 'p', 1, 5001)).toMatchObject({ allowed: false, scope: 'realm' });
    expect(await ask(limiter, 'p', 1, 5000)).toEqual({ allowed: true });
  });

  test('a peer that is registered on the asked node has one bucket', async () => {
    const limiter = new Bench().node({ defaults: { peer: messages(1, 10) } });
    expect(takeAll(await limiter.open(keyOf('p'), {}), 0, 7).passed).toBe(7);
    expect(await ask(limiter, 'p', 3)).toEqual({ allowed: true });
    expect(await ask(limiter, 'p')).toMatchObject({ allowed: false, scope: 'peer' });
  });
});
