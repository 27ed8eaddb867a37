import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { codeBlocks } from '../e2e/markdown.ts';
import { joinPeer } from '../kit/peer.ts';
import { startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';

const PAGE = fileURLToPath(new URL('../../docs/admin.md', import.meta.url));

const scope = new Scope();
afterEach(() => scope.end());

test('the examples of docs/admin.md work as they are', async () => {
  const relay = scope.keep(await startRelay({ env: { CAUSEWAY_ADMIN_TOKENS: 'operate:secret' } }));
  const peer = scope.keep(await joinPeer({ url: relay.url }, { peer: 'alice' }));
  const env = { PATH: process.env.PATH, ADMIN: relay.adminUrl, TOKEN: 'secret' };
  const run = async (script: string): Promise<unknown> =>
    JSON.parse((await promisify(execFile)('sh', ['-ec', script], { env })).stdout);

  const [consistency, drain, rebalance, ...others] = codeBlocks(PAGE, 'sh') as [string, string, string];
  expect(others).toEqual([]);
  expect(await run(consistency)).toMatchObject({ ok: true });
  expect(await run(rebalance)).toEqual({ sentAway: 0, seconds: 0, meanConnections: 1 });
  expect(await run(drain)).toEqual({ status: 'draining', connections: 1, drainSeconds: 25 });
  expect((await peer.closed).code).toBe(4001);
  expect(await relay.exited).toBe(0);
});
