import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { mustRun } from '../../e2e/run.ts';
import { freePorts } from '../../kit/ports.ts';
import { startRedisNode } from '../../kit/redis-node.ts';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { startAll } from '../../kit/start-all.ts';
import { waitFor } from '../../kit/wait.ts';
import { range } from '../fixture.ts';

const SCRIPT = fileURLToPath(new URL('../../../deploy/redis/form-cluster.sh', import.meta.url));
const SERVERS = 6;

const scope = new Scope();
afterEach(() => scope.end());

test('six empty servers become a cluster that a relay is ready on, and running it again changes nothing', async () => {
  const ports = await freePorts(2 * SERVERS);
  const starts = range(0, SERVERS - 1).map(async (index) => {
    const [port, busPort] = ports.slice(2 * index) as [number, number];
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '5000'];
    return scope.keep(await startRedisNode({ port, role: 'primary', args }));
  });
  const nodes = await startAll(starts);
  const addresses = nodes.map(({ host, port }) => `${host}:${port}`);
  const view = async (): Promise<string[]> => {
    const text = (await nodes[0]?.client.call('CLUSTER', 'NODES')) as string;
    const lines = text.trim().split('\n');
    return lines.map((line) => line.split(' ').slice(0, 2).join(' ')).sort();
  };

  await mustRun('sh', [SCRIPT, ...addresses]);
  await waitFor(async () => (await view()).join().match(/@/g)?.length === SERVERS, { what: 'all are known' });
  const formed = await view();

  expect(await mustRun('sh', [SCRIPT, ...addresses])).toBe('');
  expect(await view()).toEqual(formed);

  const env = { CAUSEWAY_REDIS_MIN_REPLICAS: '1' };
  const redis = { url: `redis+cluster://${addresses.slice(0, 3).join(',')}` };
  const relay = scope.keep(await startRelay({ redis, env }));
  const isReady = async () => (await fetch(`${relay.adminUrl}/health/ready`)).status === 200;
  await waitFor(isReady, { what: 'the relay is ready', timeoutMs: 20_000 });
});
