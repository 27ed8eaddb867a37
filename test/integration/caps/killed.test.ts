import { afterEach, expect, test } from 'vitest';
import { connectPeer } from '../../kit/peer.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import { type Relay, startCluster } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { range } from '../fixture.ts';
import { startOperator } from './fixture.ts';

const scope = new Scope();
afterEach(() => scope.end());

test('the places of a relay that was killed come back, and those of one that was stopped at once', async () => {
  const redis = scope.keep(await startRedisCluster());
  const { relays } = scope.keep(await startCluster({ redis, env: { CAUSEWAY_NODE_LEASE_MS: '1000' } }));
  const operator = scope.keep(await startOperator(redis.url));
  await operator.setCaps(relays, 'rush', { connections: 12 });
  const comeTo = async ({ url }: Relay, name: string, count: number): Promise<number> => {
    const welcomed = await Promise.all(
      range(1, count).map(async (number) => {
        const peer = scope.keep(await connectPeer({ url }));
        peer.sendHello({ realm: 'rush', peer: `${name}${number}` });
        return Promise.race([peer.next('welcome').then(() => true), peer.next('error').then(() => false)]);
      }),
    );
    return welcomed.filter(Boolean).length;
  };
  const [a, b, c] = relays as [Relay, Relay, Relay];
  expect([await comeTo(a, 'a', 5), await comeTo(b, 'b', 4), await comeTo(c, 'c', 9)]).toEqual([5, 4, 3]);
  a.kill('SIGKILL');
  await a.exited;
  expect(await comeTo(c, 'early', 1)).toBe(0);
  await waitFor(async () => (await comeTo(c, 'first', 1)) === 1, { what: 'there is room again' });
  expect(await comeTo(c, 'd', 9)).toBe(4);
  await b.stop();
  await operator.untilHeld('rush', 'connections', 8);
  expect(await comeTo(c, 'e', 9)).toBe(4);
});
