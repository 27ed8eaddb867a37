import { afterEach, describe, expect, test } from 'vitest';
import { nodeOf } from '../kit/observe.ts';
import { joinPeer } from '../kit/peer.ts';
import { freePort } from '../kit/ports.ts';
import { Reader } from '../kit/reader.ts';
import { startRedis } from '../kit/redis.ts';
import { runRelay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { outcomes } from './fixture.ts';

const scope = new Scope();
afterEach(() => scope.end());

describe('bad configuration', () => {
  test('ends the start with 64 and names every problem', async () => {
    const env = {
      CAUSEWAY_PORT: '99999',
      CAUSEWAY_AUTH: 'shut',
      CAUSEWAY_SEND_WINDOW: 'wide',
      CAUSEWAY_REALMS: 'good,Not Good',
      CAUSEWAY_MAX_PAYLODE: '1',
      CAUSEWAY_REDIS_URL: 'http://localhost',
    };
    const { code, output } = await runRelay({ env });
    expect(code).toBe(64);
    for (const name of Object.keys(env)) expect(output).toContain(name);
    // A name that is nearly right is pointed to the right one.
    expect(output).toContain('CAUSEWAY_MAX_PAYLOAD');
  });

  test('also where values contradict each other', async () => {
    const { code, output } = await runRelay({ env: { CAUSEWAY_PROCESSES: '2' } });
    expect([code, output]).toEqual([64, expect.stringContaining('CAUSEWAY_REDIS_URL')]);
  });
});

describe('a port in use ends the start with 69 and is named', () => {
  test.each(['CAUSEWAY_PORT', 'CAUSEWAY_ADMIN_PORT', 'CAUSEWAY_SHARED_PORT'])('%s', async (name) => {
    const shared = String(await freePort());
    const first = scope.keep(await startRelay({ env: { CAUSEWAY_SHARED_PORT: shared } }));
    // The port of the one that is asked for must not be shared there.
    const taken = name === 'CAUSEWAY_SHARED_PORT' ? String(first.port) : (first.env[name] as string);
    const { code, output } = await runRelay({ env: { [name]: taken } });
    expect([code, output]).toEqual([69, expect.stringContaining(`port ${taken}`)]);
    expect(first.isAlive()).toBe(true);
  });

  test('of several processes', async () => {
    const redis = scope.keep(await startRedis());
    const first = scope.keep(await startRelay());
    const env = { CAUSEWAY_PROCESSES: '2', CAUSEWAY_PORT: String(first.port) };
    const { code, output } = await runRelay({ redis, env });
    expect([code, output]).toEqual([69, expect.stringContaining(`port ${first.port}`)]);
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('ends a relay by itself with 0', async () => {
    const relay = scope.keep(await startRelay());
    const peer = scope.keep(await joinPeer({ url: relay.url }, { peer: 'alice' }));
    relay.kill(signal);
    expect(await peer.next('goaway')).toMatchObject({ reason: expect.stringContaining('shutting down') });
    expect((await peer.closed).code).toBe(4001);
    expect(await relay.exited).toBe(0);
  });

  test('leaves reservations and mailboxes in Redis, and nothing that does not end by itself', async () => {
    const redis = scope.keep(await startRedis());
    const client = redis.nodes[0]?.client;
    if (client === undefined) throw new Error('no Redis');
    const [going, staying] = [scope.keep(await startRelay({ redis })), scope.keep(await startRelay({ redis }))];
    const node = await nodeOf(going);
    const reader = scope.keep(new Reader({ peer: 'bob', acks: false }));
    await reader.connect(going.url);
    const alice = scope.keep(await joinPeer({ url: going.url }, { peer: 'alice' }));
    alice.send({ type: 'watch', peers: [] });
    const carol = scope.keep(await joinPeer({ url: staying.url }, { peer: 'carol' }));
    alice.message('bob', 'from the same node');
    const id = carol.message('bob', 'from the other node');
    alice.message('nobody', 'to the mailbox');
    await reader.untilDelivered(2);
    await waitFor(async () => (await client.exists(`cw:{n:${node}}:links`)) === 1, { what: 'the node has an inbox' });

    going.kill(signal);
    expect(await going.exited).toBe(0);
    expect(await outcomes(carol, id)).toEqual(['queued']);
    expect(await staying.stop()).toBe(0);
    const keys = (await client.keys('*')).sort();
    const lasting = await Promise.all(keys.map(async (key) => ((await client.pttl(key)) < 0 ? [key] : [])));
    expect(lasting.flat()).toEqual([]);
    // What else there is: usage, and that the nodes are gone, for appends that come late.
    const others = keys.filter((key) => !/^cw:(\{(p|r|u):|\{usage\}|\{top\}|attempts:)/.test(key));
    expect(others.filter((key) => !/^cw:\{n:\w+\}:(state|links)$/.test(key))).toEqual([]);
    const states = others.filter((key) => key.endsWith(':state'));
    expect(states).toHaveLength(2);
    for (const key of states) expect(await client.hget(key, 's')).toBe('reaped');
    expect(await client.xlen('cw:{p:default/bob}:mbox')).toBe(2);
    expect(await client.exists('cw:{p:default/bob}:loc', 'cw:{p:default/nobody}:mbox')).toBe(2);
  });
});
