import { beforeAll, describe, expect, test } from 'vitest';
import type { RawPeer } from '../kit/peer.ts';
import { type RedisNode, startRedis } from '../kit/redis.ts';
import { waitFor } from '../kit/wait.ts';
import { outcomes, text, useCluster } from './fixture.ts';
import { untilAllReady, untilNotReady } from './redis-traffic.ts';

const AFTER_REFUSAL = 4;
const FILLERS = 10_000;
/** Microseconds for each key, and bytes after which the server looks at its connections: it loads for seconds. */
const LOADS_SLOWLY = ['--key-load-delay', '300', '--loading-process-events-interval-bytes', '1024'];

/** What is on its way stays there; when nothing has got through for a while, what is new is refused. */
async function sendUntilRefused(sender: RawPeer, to: string): Promise<void> {
  const isRefused = () => {
    sender.message(to, 'in between');
    return sender.take('receipt').length > 0;
  };
  await waitFor(isRefused, { what: `a message to ${to} is refused`, timeoutMs: 20_000 });
}

/** As a client does: what is refused for now is sent again. */
async function sendUntilTaken(sender: RawPeer, to: string, body: string, first = 0): Promise<string | undefined> {
  for (let flags = first; ; flags = AFTER_REFUSAL) {
    const [status] = await outcomes(sender, sender.message(to, body, { flags }));
    if (status !== 'unavailable') return status;
  }
}

interface Refusal {
  /** Of the relays' health. */
  readonly reason: RegExp;
  begin(server: RedisNode): Promise<void>;
  end(server: RedisNode): Promise<void>;
}

const KINDS: Readonly<Record<string, Refusal>> = {
  'has no memory left': {
    reason: /used up its maxmemory/,
    begin: ({ client }) => client.config('SET', 'maxmemory', '1').then(() => undefined),
    end: ({ client }) => client.config('SET', 'maxmemory', '0').then(() => undefined),
  },
  'is read-only': {
    reason: /a replica, which takes no writes/,
    begin: ({ client }) => client.replicaof('127.0.0.1', 1).then(() => undefined),
    end: ({ client }) => client.replicaof('NO', 'ONE').then(() => undefined),
  },
};

describe.each(Object.entries(KINDS))('a Redis that %s', (_, { reason, begin, end }) => {
  const cluster = useCluster();
  beforeAll(() => untilAllReady(cluster.relays));

  test('stops what needs it and nothing else, for as long as that lasts', async () => {
    const server = cluster.redis.nodes[0] as RedisNode;
    const [alice, dave] = [await cluster.join(0, { peer: 'alice' }), await cluster.join(0, { peer: 'dave' })];
    const [erin, frank] = [await cluster.join(0, { peer: 'erin' }), await cluster.join(0, { peer: 'frank' })];
    const bob = await cluster.join(0, { peer: 'bob' }, { autoAck: true });
    const carol = await cluster.join(1, { peer: 'carol' }, { autoAck: true });
    expect(await outcomes(alice, alice.message('carol', 'before'))).toEqual(['delivered']);
    expect(await outcomes(erin, erin.message('carol', 'before'))).toEqual(['delivered']);

    await begin(server);
    cluster.keep({ stop: () => end(server) });
    await untilNotReady(cluster.relays, reason);
    const early = frank.message('carol', 'early');
    expect(await outcomes(dave, dave.message('bob', 'next to me'))).toEqual(['delivered']);
    await sendUntilRefused(erin, 'carol');
    expect(await outcomes(dave, dave.message('nobody', 'who knows'))).toEqual(['unavailable']);
    const late = await cluster.connect(1);
    late.sendHello({ peer: 'late' });
    expect(await late.next('error')).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) });
    expect(await outcomes(alice, alice.message('bob', 'still here'))).toEqual(['delivered']);

    await end(server);
    await untilAllReady(cluster.relays);
    // What the link had is refused where Redis said that it has not taken it, else it is not lost.
    const [first] = await outcomes(frank, early);
    const status = first === 'unavailable' ? await sendUntilTaken(frank, 'carol', 'early', AFTER_REFUSAL) : first;
    expect(status).toBe('delivered');
    expect(await sendUntilTaken(alice, 'carol', 'after')).toBe('delivered');
    expect(await sendUntilTaken(alice, 'nobody', 'now')).toBe('queued');
    await carol.next('deliver', ({ payload }) => text(payload) === 'early');
    const shown = carol.take('deliver').filter(({ from }) => from === 'alice');
    expect(shown.map(({ payload }) => text(payload))).toEqual(['before', 'after']);
    expect(bob.take('deliver')).toHaveLength(2);
    erin.message('carol', 'again', { flags: AFTER_REFUSAL });
    await carol.next('deliver', ({ payload }) => text(payload) === 'again');
  });
});

describe('a Redis that loads its data', () => {
  const cluster = useCluster({ startRedis: () => startRedis({ args: LOADS_SLOWLY }) });
  beforeAll(() => untilAllReady(cluster.relays));

  test('is waited for', async () => {
    const server = cluster.redis.nodes[0] as RedisNode;
    const alice = await cluster.join(0, { peer: 'alice' });
    const carol = await cluster.join(1, { peer: 'carol' }, { autoAck: true });
    expect(await outcomes(alice, alice.message('carol', 'before'))).toEqual(['delivered']);
    await server.client.call('DEBUG', 'POPULATE', FILLERS);
    await server.client.save();
    const isBack = server.restart();
    await untilNotReady(cluster.relays, /connected, but not ready for commands/);
    expect(await outcomes(alice, alice.message('nobody', 'who knows'))).toEqual(['unavailable']);
    await isBack;
    await untilAllReady(cluster.relays);
    expect(await outcomes(alice, alice.message('carol', 'after'))).toEqual(['delivered']);
    expect(carol.take('deliver')).toHaveLength(2);
  });
});
