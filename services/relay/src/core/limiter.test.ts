import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { World } from '../../../../test/simulation/world.ts';
import { EmbeddedBuckets } from '../embedded/buckets.ts';
import { createEmbeddedCluster } from '../embedded/cluster.ts';
import { type PeerKey, peerKey } from './address.ts';
import type { BucketStore } from './bucket-ports.ts';
import type { AwayPolicy } from './bucket-scope.ts';
import { Counters } from './counters.ts';
import { Limiter } from './limiter.ts';
import { BY_CLUSTER, BY_PEER, BY_REALM, PASSED, type SendAllowance, type Verdict } from './limits.ts';
import { Policy, type PolicyDocument } from './policy.ts';

const REALM = 'acme' as RealmName;
const MAX_PAYLOAD = 1000;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const UNAVAILABLE = { kind: 'unavailable', reason: 'test' } as const;

function keyOf(peer: string): PeerKey {
  return peerKey(REALM, peer as PeerId);
}

interface Options {
  readonly away?: AwayPolicy;
  readonly nodes?: number;
}

/** One or more nodes over one store that can be away. */
class Bench {
  readonly world = new World();
  readonly calls: string[] = [];
  isAway = false;
  readonly #buckets = new EmbeddedBuckets(createEmbeddedCluster(() => this.world.now()));
  #version = 0;
  #nodes = 0;

  node(document: PolicyDocument, { away = 'share', nodes = 1 }: Options = {}): Limiter {
    const { world } = this;
    this.#nodes += 1;
    const node = `n${this.#nodes}` as NodeId;
    const counters = new Counters();
    const policy = this.policy(document);
    return new Limiter({
      node,
      store: this.#store(),
      clock: world,
      timers: world,
      log,
      counters,
      away,
      policy,
      nodes: () => nodes,
    });
  }

  policy(document: PolicyDocument): Policy {
    this.#version += 1;
    return new Policy(document, this.#version, MAX_PAYLOAD);
  }

  async pass(ms: number): Promise<void> {
    await this.world.run(ms, () => false);
  }

  #store(): BucketStore {
    const call = async <T>(name: string, run: () => Promise<T>) => {
      this.calls.push(name);
      return this.isAway ? UNAVAILABLE : run();
    };
    return {
      lease: (request) => call('lease', () => this.#buckets.lease(request)),
      hold: (...args) => call('hold', () => this.#buckets.hold(...args)),
      giveBack: (...args) => call('giveBack', () => this.#buckets.giveBack(...args)),
    };
  }
}

/** How many messages pass at once, and what refuses the next. */
function takeAll(allowance: SendAllowance, bytes = 0, most = 10_000): { passed: number; verdict: Verdict } {
  for (let passed = 0; passed < most; passed += 1) {
    const verdict = allowance.take(bytes);
    if (verdict !== PASSED) return { passed, verdict };
  }
  return { passed: most, verdict: PASSED };
}

const messages = (perSecond: number, burst: number) => ({ messages: { perSecond, burst } });

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
