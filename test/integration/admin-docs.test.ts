import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { codeBlocks } from '../e2e/markdown.ts';
import { joinPeer } from '../kit/peer.ts';
import { startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';

const PAGE = fileURLToPath(new URL('../../docs/admin.md', import.meta.url));

/** The examples in their order. */
const EXAMPLES = [
  ...['nodes', 'consistency', 'drain', 'rebalance', 'peer', 'disconnect', 'ban', 'limits', 'effective'],
  ...['usage', 'audit', 'allow', 'reserve'],
] as const;

const scope = new Scope();
afterEach(() => scope.end());

test('the examples of docs/admin.md work as they are', async () => {
  const relay = scope.keep(await startRelay({ env: { CAUSEWAY_ADMIN_TOKENS: 'operate:secret' } }));
  const bob = scope.keep(await joinPeer({ url: relay.url }, { peer: 'bob' }));
  const env = { PATH: process.env.PATH, ADMIN: relay.adminUrl, TOKEN: 'secret' };
  const run = async (script = ''): Promise<string> =>
    (await promisify(execFile)('sh', ['-ec', script], { env })).stdout;
  const examples = codeBlocks(PAGE, 'sh');
  expect(examples).toHaveLength(EXAMPLES.length);
  const byName = Object.fromEntries(EXAMPLES.map((name, index) => [name, examples[index]]));
  const answer = async (name: (typeof EXAMPLES)[number]) => JSON.parse(await run(byName[name]));

  expect(await answer('nodes')).toMatchObject({ nodes: [{ self: true, load: { registrations: 1 } }] });
  expect(await answer('consistency')).toMatchObject({ ok: true });
  expect(await answer('rebalance')).toEqual({ sentAway: 0, seconds: 0, meanConnections: 1 });

  const alice = scope.keep(await joinPeer({ url: relay.url }, { peer: 'alice' }));
  expect(await answer('peer')).toMatchObject({ peer: 'alice', online: true, window: { messages: 0 } });
  expect(await answer('disconnect')).toEqual({ disconnected: true });
  await alice.closed;
  expect(await answer('ban')).toMatchObject({ version: 1 });
  expect(await answer('limits')).toEqual({ version: 1 });
  await waitFor(async () => (await answer('effective')).realm.messages?.perSecond === 5000, {
    what: 'the policy of the example is in force',
  });
  expect(await answer('effective')).toMatchObject({ peer: { messages: { perSecond: 50, burst: 100 } } });
  expect(await run(byName.usage)).toMatch(/^realm,hour,/);
  expect(await answer('allow')).toEqual({ allowed: true });
  expect(await answer('reserve')).toMatchObject({ epoch: 1790000000000000 });
  const { entries } = await answer('audit');
  expect(entries.map(({ action }: { action: string }) => action)).toEqual(['limits.set', 'ban.add', 'peer.disconnect']);

  expect(await answer('drain')).toEqual({ status: 'draining', connections: 1, drainSeconds: 25 });
  expect((await bob.closed).code).toBe(4001);
  expect(await relay.exited).toBe(0);
});
