import { CloseCode } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { startRedisCluster } from '../../kit/redis.ts';
import { AUTH_ENV, mint } from '../auth/fixture.ts';
import { ending, range, useCluster } from '../fixture.ts';

const RELAYS = 3;
const FAILURES = 20;
const HELLOS = 50;
/** Of one peer, which each relay counts by itself: a tenth. */
const OWN_HELLOS = 5;
const CONNECTS = 40;

const cluster = useCluster({
  relays: RELAYS,
  env: {
    ...AUTH_ENV,
    CAUSEWAY_TRUSTED_PROXIES: '127.0.0.1',
    CAUSEWAY_ATTEMPTS_CONNECT: `${CONNECTS}/60/60`,
    CAUSEWAY_ATTEMPTS_FAILED_AUTH: `${FAILURES}/60/60`,
    CAUSEWAY_ATTEMPTS_HELLO: `${HELLOS}/60/60`,
  },
  startRedis: () => startRedisCluster(),
});

/** A client that comes from this address, to the relays in turn. */
const from = (address: string, index: number) =>
  cluster.connect(index % RELAYS, { headers: { 'x-forwarded-for': address } });
const withToken = (token: string) => ({ realm: 'acme', auth: { scheme: 'token' as const, token } });

/** `welcome`, or the code of the error. */
async function tryToken(address: string, index: number, token: string): Promise<string> {
  const peer = await from(address, index);
  peer.sendHello(withToken(token));
  return Promise.race([peer.next('welcome').then(() => 'welcome'), ending(peer).then(([code]) => code)]);
}

function count(verdicts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const verdict of verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

test('guesses of one network at three relays at once are limited together, and others go on', async () => {
  const guess = await mint('alice', {}, 'rival');
  const tries = range(1, 39);
  const verdicts = await Promise.all(tries.map((host) => tryToken(`2001:db8:7:7::${host}`, host, guess)));
  expect(count(verdicts)).toEqual({ unauthorized: FAILURES, rate_limited: tries.length - FAILURES });
  const right = await mint('alice');
  expect(await tryToken('2001:db8:7:8::1', 0, guess)).toBe('unauthorized');
  for (const relay of range(0, RELAYS - 1)) expect(await tryToken('2001:db8:7:8::1', relay, right)).toBe('welcome');
});

test('who is blocked is refused with a right token as well, at each relay, and told for how long', async () => {
  const guess = await mint('alice', {}, 'rival');
  // One more at each relay: one that has let the address try just now would believe it for a second.
  for (const index of range(1, FAILURES + RELAYS)) await tryToken('192.0.2.1', index, guess);
  for (const relay of range(0, RELAYS - 1)) {
    const peer = await from('192.0.2.1', relay);
    peer.sendHello(withToken(await mint('alice')));
    const { code, retryAfterMs = 0 } = await peer.next('error');
    expect(code).toBe('rate_limited');
    expect(retryAfterMs).toBeGreaterThan(30_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect((await peer.closed).code).toBe(CloseCode.busy);
  }
});

test('HELLOs of one peer are limited over all relays, whichever addresses they come from', async () => {
  const verdicts: string[] = [];
  for (const index of range(0, 99)) {
    const peer = await from(`198.51.100.${index}`, index);
    peer.sendHello({ peer: 'busy{}' });
    verdicts.push(
      await Promise.race([peer.next('welcome').then(() => 'welcome'), ending(peer).then(([code]) => code)]),
    );
    peer.terminate();
  }
  const welcomed = HELLOS + RELAYS * OWN_HELLOS;
  expect(count(verdicts)).toEqual({ welcome: welcomed, rate_limited: 100 - welcomed });
  const other = await from('198.51.100.1', 0);
  await other.hello({ peer: 'calm' });
});

test('connections of one address are limited over all relays', async () => {
  const refused = async (index: number): Promise<boolean> => {
    const peer = await from('203.0.113.5', index);
    peer.sendHello({ peer: `peer${index}` });
    return Promise.race([
      peer.next('welcome').then(() => false),
      ending(peer).then(([code]) => code === 'rate_limited'),
    ]);
  };
  const verdicts = await Promise.all(range(0, 59).map(refused));
  expect(verdicts.filter((isRefused) => !isRefused)).toHaveLength(CONNECTS);
  const other = await from('203.0.113.6', 0);
  await other.hello({ peer: 'other' });
});
