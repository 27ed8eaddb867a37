import { describe, expect, test } from 'vitest';
import { startRelay } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { outcomes, text, useCluster } from './fixture.ts';

const cluster = useCluster();
const server = () => cluster.redis.nodes[0] as (typeof cluster.redis.nodes)[number];
const publicUrl = (path: string): string => `${cluster.url(0).replace('ws', 'http')}${path}`;
const adminUrl = (path: string): string => `${cluster.relays[0]?.adminUrl}${path}`;

async function get(url: string): Promise<[status: number, body: Record<string, unknown>]> {
  const response = await fetch(url);
  return [response.status, (await response.json()) as Record<string, unknown>];
}

/** Polls until the node is (or is not) ready, and returns what it says then. */
async function untilReady(ready: boolean): Promise<Record<string, unknown>> {
  return waitFor(
    async () => {
      const [status, body] = await get(adminUrl('/health/ready'));
      return (status === 200) === ready ? body : false;
    },
    { what: `the node is ${ready ? '' : 'not '}ready`, timeoutMs: 20_000 },
  );
}

describe('a relay over HTTP', () => {
  test('says what it is', async () => {
    const [status, body] = await get(publicUrl('/'));
    expect(status).toBe(200);
    expect(body).toEqual({
      name: 'causeway',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: expect.stringMatching(/^n[0-9a-f]{12}$/),
      region: '',
      protocols: ['causeway.v1', 'causeway.v1.json'],
    });
    const peer = await cluster.connect(0);
    expect((await peer.hello()).node).toBe(body.node);
  });

  test('says that it is well, and has nothing else', async () => {
    await untilReady(true);
    expect(await get(publicUrl('/health'))).toEqual([200, { status: 'ok' }]);
    expect(await get(adminUrl('/health/ready'))).toEqual([200, { status: 'ok' }]);
    expect(await get(adminUrl('/health/live'))).toEqual([200, { status: 'ok' }]);
    for (const url of [publicUrl('/metrics'), publicUrl('/health/ready'), adminUrl('/')]) {
      expect((await get(url))[0]).toBe(404);
    }
  });

  test('is well without Redis where none is configured', async () => {
    const relay = cluster.keep(await startRelay());
    expect((await get(`${relay.adminUrl}/health/ready`))[0]).toBe(200);
  });
});

describe('a relay whose Redis', () => {
  test('hangs is not ready and says why; the same node goes on, and all of it when Redis does', async () => {
    const bob = await cluster.join(0, { peer: 'bob' }, { autoAck: true });
    const alice = await cluster.join(0, { peer: 'alice' });
    await server().kill('SIGSTOP');
    const { status, reasons } = await untilReady(false);
    expect(status).toBe('unavailable');
    expect(String(reasons)).toContain("a probe through this node's own inbox did not come back");
    expect(await get(publicUrl('/health'))).toEqual([503, { status: 'unavailable', reason: expect.any(String) }]);
    expect(await get(adminUrl('/health/live'))).toEqual([200, { status: 'ok' }]);
    expect(await cluster.relays[0]?.metrics().then((metrics) => metrics.value('causeway_ready'))).toBe(0);

    expect(await outcomes(alice, alice.message('bob', 'next to me'))).toEqual(['delivered']);
    expect(text((await bob.next('deliver')).payload)).toBe('next to me');
    expect(await outcomes(alice, alice.message('far-away', 'who knows'))).toEqual(['unavailable']);
    const late = await cluster.connect(0);
    late.sendHello({ peer: 'late' });
    expect(await late.next('error')).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) });
    expect((await late.closed).code).toBe(4002);

    await server().kill('SIGCONT');
    await untilReady(true);
    const again = alice.message('far-away', 'now', { flags: 4 });
    expect(await outcomes(alice, again)).toEqual(['queued']);
    expect(await outcomes(alice, alice.message('bob', 'still here'))).toEqual(['delivered']);
  });

  test('evicts keys is not ready and says what to do', async () => {
    await untilReady(true);
    await server().client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const { reasons } = await untilReady(false);
    expect(String(reasons)).toContain('set it to noeviction');
    expect(await get(publicUrl('/health'))).toEqual([
      503,
      { status: 'unavailable', reason: expect.stringContaining('maxmemory-policy allkeys-lru') },
    ]);
    await server().client.config('SET', 'maxmemory-policy', 'noeviction');
    await untilReady(true);
  });
});
