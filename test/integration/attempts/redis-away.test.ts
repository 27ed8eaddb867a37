import { afterEach, expect, test } from 'vitest';
import { connectPeer } from '../../kit/peer.ts';
import { startRedis } from '../../kit/redis.ts';
import { startCluster } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { AUTH_ENV, mint } from '../auth/fixture.ts';
import { ending, range } from '../fixture.ts';
import { untilAllReady } from '../redis-traffic.ts';

const RELAYS = 3;
const FAILURES = 10;

const scope = new Scope();
afterEach(() => scope.end());

test('without Redis each relay limits guesses by itself, and together again when it is back', async () => {
  const redis = scope.keep(await startRedis());
  const env = { ...AUTH_ENV, CAUSEWAY_ATTEMPTS_FAILED_AUTH: `${FAILURES}/60/2` };
  const { relays } = scope.keep(await startCluster({ relays: RELAYS, redis, env }));
  const guess = await mint('alice', {}, 'rival');
  const guesses = async (each: number): Promise<number> => {
    const verdicts = await Promise.all(
      range(1, each * RELAYS).map(async (index) => {
        const peer = await connectPeer({ url: relays[index % RELAYS]?.url ?? '' });
        peer.sendHello({ realm: 'acme', auth: { scheme: 'token', token: guess } });
        return (await ending(peer))[0];
      }),
    );
    expect(verdicts.filter((code) => code !== 'unauthorized' && code !== 'rate_limited')).toEqual([]);
    return verdicts.filter((code) => code === 'unauthorized').length;
  };
  const [server] = redis.nodes;
  await server?.kill('SIGKILL');
  await waitFor(async () => (await guesses(1)) >= 0, { what: 'relays answer without Redis' });
  const passed = await guesses(25);
  expect(passed).toBeGreaterThan(FAILURES);
  expect(passed).toBeLessThanOrEqual(FAILURES * RELAYS);
  await server?.restart();
  await untilAllReady(relays);
  // Blocks that the relays gave by themselves end after 2 s; right tokens tell, and cost no attempt.
  for (const [index, { url }] of relays.entries()) {
    const token = await mint(`right-${index}`);
    const isWelcome = async (): Promise<boolean> => {
      const peer = scope.keep(await connectPeer({ url }));
      return peer.hello({ realm: 'acme', auth: { scheme: 'token', token } }).then(
        () => true,
        () => false,
      );
    };
    await waitFor(isWelcome, { what: 'the address is not blocked any more' });
  }
  expect(await guesses(25)).toBe(FAILURES);
});
