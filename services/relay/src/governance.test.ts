import type { NodeId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { silentLog, World } from '../../../test/simulation/world.ts';
import { loadRelayConfig } from './config.ts';
import { createEmbeddedCluster } from './embedded/cluster.ts';
import { createEmbeddedStore } from './embedded/store.ts';
import { Governance } from './governance.ts';

async function setUp() {
  const world = new World();
  const store = createEmbeddedStore(createEmbeddedCluster(() => world.now()));
  const loaded = loadRelayConfig({});
  if (!loaded.ok) throw new Error(loaded.problems.join('; '));
  const calls = { policy: 0, access: 0 };
  const governance = new Governance({
    config: loaded.config,
    store,
    clock: world,
    timers: world,
    log: silentLog,
    node: () => 'n' as NodeId,
    randomHex: (bytes) => 'ab'.repeat(bytes),
    onPolicy: () => {
      calls.policy += 1;
    },
    onAccess: () => {
      calls.access += 1;
    },
  });
  const started = governance.start();
  const run = (ms: number) => world.run(ms, () => false);
  await run(10);
  await started;
  calls.policy = 0;
  calls.access = 0;
  const write = (name: 'policy' | 'access', document: object) =>
    store.documents.write(name, 0, { text: JSON.stringify(document), by: 'test', note: '' });
  return { world, governance, calls, run, write };
}

test('a policy is in force as soon as it is written', async () => {
  const { governance, calls, run, write } = await setUp();
  await write('policy', { cluster: { messages: { perSecond: 7 } } });
  await run(10);
  expect(calls.policy).toBe(1);
  expect(governance.policy.cluster().messages).toEqual({ perSecond: 7, burst: 7 });
});

test('who is connected is looked at when the lists change, and when an entry ends that lets somebody in', async () => {
  const { world, governance, calls, run, write } = await setUp();
  const entry = (id: string, ms: number) => ({
    ...{ id, kind: 'peer', realm: 'acme', peer: id, reason: '', at: 0 },
    until: world.now() + ms,
  });
  await write('access', { bans: [], allow: [entry('a', 5000), entry('b', 9000)], revocations: [] });
  await run(1000);
  expect(calls.access).toBe(1);
  await run(5000);
  expect(calls.access).toBe(2);
  await run(5000);
  expect(calls.access).toBe(3);
  await run(60_000);
  expect(calls.access).toBe(3);
  governance.stop();
});
