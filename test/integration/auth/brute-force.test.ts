import { CloseCode } from '@causeway/protocol';
import { expect, it } from 'vitest';
import { startRedisCluster } from '../../kit/redis.ts';
import { ending, range, useCluster } from '../fixture.ts';
import { AUTH_ENV, mint } from './fixture.ts';

const RELAYS = 3;
const ALLOWED = 20;
const TRIES = 90;

const cluster = useCluster({
  relays: RELAYS,
  env: { ...AUTH_ENV, CAUSEWAY_ATTEMPTS_FAILED_AUTH: `${ALLOWED}/60/60` },
  startRedis: () => startRedisCluster({ replicas: 0 }),
});

const helloWith = (token: string) => ({ realm: 'acme', auth: { scheme: 'token' as const, token } });

it('who guesses tokens is blocked on all nodes together, then also with a right one', async () => {
  const guesses = await Promise.all(range(1, TRIES).map(() => mint('alice', {}, 'rival')));
  const verdicts: [string, number][] = [];
  for (const [index, guess] of guesses.entries()) {
    const peer = await cluster.connect(index % RELAYS);
    peer.sendHello(helloWith(guess));
    verdicts.push(await ending(peer));
  }
  const unauthorized = verdicts.filter(([code]) => code === 'unauthorized');
  const limited = verdicts.filter(([code, close]) => code === 'rate_limited' && close === CloseCode.busy);
  expect(unauthorized.length).toBe(ALLOWED);
  expect(limited.length).toBe(TRIES - ALLOWED);
  for (const relay of range(0, RELAYS - 1)) {
    const peer = await cluster.connect(relay);
    peer.sendHello(helloWith(await mint('alice')));
    const { code, retryAfterMs = 0 } = await peer.next('error');
    expect([code, retryAfterMs > 0 && retryAfterMs <= 60_000]).toEqual(['rate_limited', true]);
  }
});
