import { CloseCode } from '@causeway/protocol';
import { beforeEach, expect, it } from 'vitest';
import type { RawPeer } from '../../kit/peer.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import { ending, range, useCluster } from '../fixture.ts';
import { AUTH_ENV, mint, seconds, writeAccess } from './fixture.ts';

const RELAYS = 3;
const MEMBERS = 60;
/** In so many milliseconds a change is in force everywhere. */
const IN_FORCE_MS = 1000;

const cluster = useCluster({ relays: RELAYS, env: AUTH_ENV, startRedis: () => startRedisCluster({ replicas: 0 }) });

beforeEach(() => writeAccess(cluster.redis.url, {}));

const helloWith = (token: string) => ({ realm: 'acme', auth: { scheme: 'token' as const, token } });

/** Members of acme over all relays, each sending to the next one until its connection ends. */
async function crowd(tokens: readonly string[]): Promise<{ peers: RawPeer[]; stop(): void }> {
  const peers = await Promise.all(
    tokens.map((token, index) => cluster.join(index % RELAYS, helloWith(token), { autoAck: true })),
  );
  const timers = peers.map((peer, index) => setInterval(() => peer.message(`p${(index + 1) % MEMBERS}`, 'x'), 10));
  peers.forEach((peer, index) => void peer.closed.then(() => clearInterval(timers[index])));
  await Promise.all(peers.map((peer) => peer.next('receipt')));
  return { peers, stop: () => timers.forEach(clearInterval) };
}

/** How these connections end, and when the last of them did, by `performance.now()`. */
async function ends(peers: readonly RawPeer[]): Promise<{ codes: [string, number][]; last: number }> {
  const codes = await Promise.all(peers.map(ending));
  return { codes, last: performance.now() };
}

/** What the relays say to these tokens now, each asked at every relay. */
async function verdicts(tokens: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(
    tokens.flatMap((token) =>
      range(0, RELAYS - 1).map(async (relay) => {
        const peer = await cluster.connect(relay);
        peer.sendHello(helloWith(token));
        const reply = await Promise.race([peer.next('welcome'), peer.next('error')]);
        await peer.close().catch(() => undefined);
        return reply.type === 'error' ? reply.code : reply.type;
      }),
    ),
  );
}

it.each([
  ['its realm', 'revocations', { kind: 'realm', realm: 'acme' }, 'expired', CloseCode.expired],
  ['its realm by a ban', 'bans', { kind: 'realm', realm: 'acme' }, 'forbidden', CloseCode.forbidden],
])('under load, what ends %s is in force on all nodes within a second', async (_, list, entry, code, close) => {
  const old = { iat: seconds() - 30 };
  const tokens = await Promise.all(range(0, MEMBERS - 1).map((index) => mint(`p${index}`, old)));
  const { peers, stop } = await crowd(tokens);
  const ended = ends(peers);
  const stored = await writeAccess(cluster.redis.url, { [list]: [entry] });
  const { codes, last } = await ended;
  stop();
  expect(codes).toEqual(peers.map(() => [code, close]));
  expect(last - stored).toBeLessThan(IN_FORCE_MS);
  // Verified a moment ago, and refused all the same.
  expect(await verdicts(tokens)).toEqual(Array(MEMBERS * RELAYS).fill(code));
  const fresh = await mint('p0', { iat: seconds() + 1 });
  expect(await verdicts([fresh])).toEqual(Array(RELAYS).fill(code === 'expired' ? 'welcome' : code));
});

it('under load, only what is named ends', async () => {
  const tokens = await Promise.all(range(0, MEMBERS - 1).map((index) => mint(`p${index}`, { jti: `t${index}` })));
  const { peers, stop } = await crowd(tokens);
  const named = range(0, 9);
  const ended = ends(named.map((index) => peers[index] as RawPeer));
  await writeAccess(cluster.redis.url, {
    revocations: named.slice(0, 5).map((index) => ({ kind: 'token', realm: 'acme', token: `t${index}` })),
    bans: named.slice(5).map((index) => ({ kind: 'peer', realm: 'acme', peer: `p${index}` })),
  });
  expect((await ended).codes).toEqual(
    named.map((index) => (index < 5 ? ['expired', CloseCode.expired] : ['forbidden', CloseCode.forbidden])),
  );
  stop();
  const others = peers.slice(named.length);
  for (const peer of others) peer.send({ type: 'ping', data: new Uint8Array(8) });
  expect(await Promise.all(others.map(async (peer) => (await peer.next('pong')).type))).toHaveLength(50);
});
