import { afterEach, expect, test } from 'vitest';
import { complaints, total } from '../kit/observe.ts';
import { joinPeer, type RawPeer } from '../kit/peer.ts';
import { freePorts } from '../kit/ports.ts';
import { startRedis } from '../kit/redis.ts';
import { type Env, type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { ADMIN_TOKENS, askAdmin } from './admin.ts';
import { outcomes, range } from './fixture.ts';

const PEERS = 30;

const scope = new Scope();
afterEach(() => scope.end());

/** Three relays that know of each other, each reached at its own URL, and all peers on the first. */
async function setUp(env: Env = {}) {
  const redis = scope.keep(await startRedis());
  const ports = await freePorts(3);
  const relays: Relay[] = [];
  // The first one is started last: it has learnt of the others by the time it listens.
  for (const port of ports.reverse()) {
    const own = {
      CAUSEWAY_PORT: String(port),
      CAUSEWAY_PUBLIC_URL: `ws://127.0.0.1:${port}`,
      CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS,
    };
    relays.unshift(scope.keep(await startRelay({ redis, env: { ...own, ...env } })));
  }
  const [full, ...others] = relays as [Relay, Relay, Relay];
  const peers: RawPeer[] = [];
  for (const index of range(1, PEERS)) {
    peers.push(scope.keep(await joinPeer({ url: full.url, autoAck: true }, { peer: `p${index}` })));
  }
  return { full, others, peers };
}

/** Follows those who are sent away to the relay that each is told, and returns the relays' URLs. */
function follow(peers: readonly RawPeer[]): Promise<string[]> {
  return Promise.all(
    peers.map(async (peer, index) => {
      const { urls } = await peer.next('goaway');
      expect((await peer.closed).code).toBe(4001);
      const [url] = urls as [string];
      scope.keep(await joinPeer({ url, autoAck: true }, { peer: `p${index + 1 + PEERS - peers.length}` }));
      return url;
    }),
  );
}

test('the surplus goes to the others, in equal parts, and nobody else', async () => {
  const { full, others, peers } = await setUp({ CAUSEWAY_NODE_LEASE_MS: '3000' });
  const { status, body } = await askAdmin(full, 'POST', '/admin/rebalance');
  expect([status, body]).toEqual([202, { sentAway: 20, seconds: 2, meanConnections: 10 }]);
  const urls = await follow(peers.slice(10));
  for (const { url } of others) expect(urls.filter((one) => one === url)).toHaveLength(10);
  expect(await total([full], 'causeway_connections')).toBe(10);

  const [first, second] = peers as [RawPeer, RawPeer];
  expect(await outcomes(first, first.message('p2', 'still here'), first.message('p30', 'over there'))).toEqual([
    'delivered',
    'delivered',
  ]);
  expect(second.take('goaway')).toEqual([]);
  const again = await waitFor(
    async () => {
      const { status, body } = await askAdmin(full, 'POST', '/admin/rebalance');
      return status !== 409 && { status, body };
    },
    { what: 'the others have told how many they have' },
  );
  expect(again).toEqual({ status: 200, body: { sentAway: 0, seconds: 0, meanConnections: 10 } });
  expect([full, ...others].flatMap(complaints)).toEqual([]);
});

test('no more go than asked for', async () => {
  const { full, peers } = await setUp();
  const { body } = await askAdmin(full, 'POST', '/admin/rebalance', { body: { limit: 3 } });
  expect(body).toEqual({ sentAway: 3, seconds: 1, meanConnections: 10 });
  await follow(peers.slice(-3));
  expect(await total([full], 'causeway_connections')).toBe(PEERS - 3);
});

test('nobody goes where no other relay has told its URL', async () => {
  const { full } = await setUp({ CAUSEWAY_PUBLIC_URL: '' });
  const { status, body } = await askAdmin(full, 'POST', '/admin/rebalance');
  expect([status, body.code, body.surplus]).toEqual([409, 'nowhere_to_go', 20]);
  expect(body.error).toContain('CAUSEWAY_PUBLIC_URL');
});

test('a relay that is told to sends its surplus away by itself', async () => {
  const { others, peers } = await setUp({ CAUSEWAY_REBALANCE: 'auto' });
  const urls = await follow(peers.slice(10));
  for (const { url } of others) expect(urls.filter((one) => one === url)).toHaveLength(10);
});
