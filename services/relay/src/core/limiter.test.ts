import { describe, expect, test } from 'vitest';
import { LimiterBench as Bench, keyOf, messages, REALM, takeAll } from '../../../../test/simulation/limits-bench.ts';
import { BY_CLUSTER, BY_PEER, BY_REALM, PASSED } from './limits.ts';

describe('the levels', () => {
  test('without limits everything passes, and the store is asked nothing', async () => {
    const bench = new Bench();
    const limiter = bench.node({});
    limiter.start();
    const allowance = await limiter.open(keyOf('p'), {});
    expect(takeAll(allowance)).toEqual({ passed: 10_000, verdict: PASSED });
    expect(allowance.buckets).toEqual({ messages: null, bytes: null });
    expect([bench.calls, bench.world.pending]).toEqual([[], 0]);
  });

  test.each([
    ['peer', BY_PEER, { defaults: { peer: messages(1, 3), realm: messages(1, 5) }, cluster: messages(1, 7) }, 3],
    ['realm', BY_REALM, { defaults: { peer: messages(1, 7), realm: messages(1, 3) }, cluster: messages(1, 5) }, 3],
    ['cluster', BY_CLUSTER, { defaults: { peer: messages(1, 7), realm: messages(1, 5) }, cluster: messages(1, 3) }, 3],
  ] as const)('the %s refuses what is over its burst', async (_, verdict, document, passed) => {
    const limiter = new Bench().node(document);
    expect(takeAll(await limiter.open(keyOf('p'), {}))).toEqual({ passed, verdict });
  });

  test('what one level refuses is taken from none', async () => {
    const limiter = new Bench().node({
      defaults: { peer: messages(1, 10) },
      cluster: { bytes: { perSecond: 1, burst: 1000 } },
    });
    const allowance = await limiter.open(keyOf('p'), {});
    expect(allowance.take(1000)).toBe(PASSED);
    expect(takeAll(allowance, 1, 5)).toEqual({ passed: 0, verdict: BY_CLUSTER });
    // Without bytes only the peer's own nine are left to stop it.
    expect(takeAll(allowance, 0)).toEqual({ passed: 9, verdict: BY_PEER });
  });

  test('a peer is limited by its reservation, and an override goes before that', async () => {
    const limiter = new Bench().node({ defaults: { peer: messages(50, 50) }, peers: { 'acme/vip': messages(1, 30) } });
    const own = { messagesPerSecond: 5 };
    expect(takeAll(await limiter.open(keyOf('p'), own)).passed).toBe(5);
    expect(takeAll(await limiter.open(keyOf('vip'), own)).passed).toBe(30);
    const kept = await limiter.open(keyOf('q'), own);
    kept.keep({ messagesPerSecond: 2 });
    expect(takeAll(kept).passed).toBe(2);
  });

  test('bytes count, up to the last', async () => {
    const limiter = new Bench().node({ defaults: { peer: { bytes: { perSecond: 100, burst: 1000 } } } });
    const allowance = await limiter.open(keyOf('p'), {});
    expect([allowance.take(999), allowance.take(2), allowance.take(1)]).toEqual([PASSED, BY_PEER, PASSED]);
  });
});

describe('hints', () => {
  test('a peer is told when its bucket has enough, within bounds', async () => {
    const bench = new Bench();
    const limiter = bench.node({
      peers: { 'acme/p': messages(4, 1), 'acme/fast': messages(5000, 1), 'acme/slow': messages(0.01, 1) },
    });
    const hint = async (peer: string) => {
      const allowance = await limiter.open(keyOf(peer), {});
      takeAll(allowance);
      return allowance;
    };
    const allowance = await hint('p');
    expect(allowance.retryAfterMs).toBe(250);
    expect((await hint('fast')).retryAfterMs).toBe(10);
    expect((await hint('slow')).retryAfterMs).toBe(10_000);
    await bench.pass(249);
    expect(allowance.take(0)).toBe(BY_PEER);
    await bench.pass(1);
    expect(allowance.take(0)).toBe(PASSED);
  });

  test('who waits as long as a realm says finds a message', async () => {
    const bench = new Bench();
    const allowance = await bench.node({ defaults: { realm: messages(5, 5) } }).open(keyOf('p'), {});
    takeAll(allowance);
    let tries = 0;
    for (let passed = 0; passed < 20; tries += 1) {
      await bench.pass(allowance.retryAfterMs);
      passed += takeAll(allowance).passed;
    }
    expect(tries).toBeLessThan(45);
  });
});

describe("a peer's bucket", () => {
  const document = { defaults: { peer: messages(10, 100) } };

  test('goes with the registration, with what is left', async () => {
    const bench = new Bench();
    const [first, second] = [bench.node(document), bench.node(document)];
    const here = await first.open(keyOf('p'), {});
    expect(takeAll(here, 0, 60).passed).toBe(60);
    here.close();
    here.close();
    await bench.pass(1000);
    expect(takeAll(await second.open(keyOf('p'), {})).passed).toBe(50);
    expect(bench.calls).toEqual(['hold', 'giveBack', 'hold']);
  });

  test('comes with what is left also where only the reservation from before has the limits', async () => {
    const bench = new Bench();
    const [first, second] = [bench.node({}), bench.node({})];
    const own = { messagesPerSecond: 100 };
    const here = await first.open(keyOf('p'), own);
    expect(takeAll(here, 0, 60).passed).toBe(60);
    here.close();
    await bench.pass(100);
    const there = await second.open(keyOf('p'), {});
    there.keep(own);
    expect(takeAll(there).passed).toBe(0);
    await bench.pass(1);
    expect(takeAll(there).passed).toBe(50);
    there.close();
    await bench.pass(1);
    expect(bench.calls).toEqual(['hold', 'giveBack', 'hold', 'giveBack']);
  });

  test('is one for all registrations on the node', async () => {
    const limiter = new Bench().node(document);
    const [one, other] = [await limiter.open(keyOf('p'), {}), await limiter.open(keyOf('p'), {})];
    expect([takeAll(one, 0, 60).passed, takeAll(other).passed]).toEqual([60, 40]);
    one.close();
    expect(takeAll(other).passed).toBe(0);
  });

  test('what accrues while it is full is lost', async () => {
    const bench = new Bench();
    const allowance = await bench.node(document).open(keyOf('p'), {});
    await bench.pass(5000);
    expect(takeAll(allowance).passed).toBe(100);
  });

  test.each([
    ['share', 50],
    ['open', 100],
    ['closed', 0],
  ] as const)('when the store is away, %s begins with %i of 100', async (away, passed) => {
    const bench = new Bench();
    bench.isAway = true;
    const limiter = bench.node(document, { away, nodes: 2 });
    const allowance = await limiter.open(keyOf('p'), {});
    expect(takeAll(allowance).passed).toBe(passed);
    bench.isAway = false;
    await bench.pass(2000);
    allowance.close();
    await bench.pass(1);
    expect(bench.calls.slice(-2)).toEqual(['hold', 'giveBack']);
  });
});

describe('leases', () => {
  const document = { defaults: { realm: messages(100, 100) } };

  test('what was leased and not used goes back, when nobody sends and when the node stops', async () => {
    const bench = new Bench();
    const [first, second] = [bench.node(document, { nodes: 2 }), bench.node(document, { nodes: 2 })];
    first.start();
    expect(takeAll(await first.open(keyOf('p'), {})).passed).toBe(50);
    await bench.pass(100);
    await first.stop();
    await bench.pass(10_000);
    expect(bench.world.pending).toBe(0);
    const allowance = await second.open(keyOf('q'), {});
    expect(takeAll(allowance).passed).toBe(50);
    await bench.pass(60);
    expect(takeAll(allowance).passed).toBeGreaterThan(20);
  });

  test('a node that nobody uses any more asks nothing', async () => {
    const bench = new Bench();
    const allowance = await bench.node(document).open(keyOf('p'), {});
    takeAll(allowance);
    await bench.pass(5000);
    const asked = bench.calls.length;
    await bench.pass(60_000);
    expect([bench.calls.length, bench.world.pending]).toEqual([asked, 0]);
  });

  test('a call whose outcome is not known is repeated as it was', async () => {
    const bench = new Bench();
    const allowance = await bench.node(document).open(keyOf('p'), {});
    bench.losesAnswers = true;
    takeAll(allowance);
    await bench.pass(250);
    bench.losesAnswers = false;
    const lost = bench.requests.length;
    expect(lost).toBeGreaterThan(1);
    await bench.pass(250);
    expect(new Set(bench.requests).size).toBe(1);
    expect(takeAll(allowance).passed).toBeLessThanOrEqual(51);
    await bench.pass(250);
    expect(bench.requests.at(-1)?.sequence).toBeGreaterThan(bench.requests[0]?.sequence as number);
    expect(bench.requests.length).toBeGreaterThan(lost + 1);
  });

  test('connecting again and again gains nothing', async () => {
    const bench = new Bench();
    const limiter = bench.node({ defaults: { realm: messages(10, 100) } });
    let passed = 0;
    for (let turn = 0; turn < 100; turn += 1) {
      const allowance = await limiter.open(keyOf(`p${turn}`), {});
      passed += takeAll(allowance).passed;
      allowance.close();
      await bench.pass(100);
    }
    expect(passed).toBeLessThanOrEqual(100 + 100 + 2);
    expect(passed).toBeGreaterThanOrEqual(100 + 100 - 4);
  });

  test('reports what it admitted and refused', async () => {
    const bench = new Bench();
    const limiter = bench.node({ ...document, cluster: messages(1000, 1000) });
    takeAll(await limiter.open(keyOf('p'), {}));
    const { cluster, realms, peers } = limiter.report(10);
    expect(cluster).toMatchObject({ admitted: 100, refused: 0, storeIsAway: false });
    expect(realms).toMatchObject([{ realm: REALM, report: { admitted: 100, refused: 1 } }]);
    expect(peers).toEqual({ held: 0, refused: 0 });
    expect(limiter.report(0).realms).toEqual([]);
  });
});
