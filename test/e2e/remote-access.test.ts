import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { freePorts } from '../kit/ports.ts';
import { startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { temporaryFolder } from './cli-kit.ts';
import { codeBlocks } from './markdown.ts';
import { type Running, start } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [secret = '', home = '', road = '', use = ''] = codeBlocks(join(ROOT, 'docs/remote-access.md'), 'sh');

const scope = new Scope();
afterEach(() => scope.end());

it('the example of docs/remote-access.md reaches a server at home', async () => {
  const relay = scope.keep(await startRelay());
  const server = createServer((request, response) => response.end(`hello from ${request.url}\n`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.keep({ stop: () => server.close() });
  const served = (server.address() as AddressInfo).port;
  const [local = 0] = await freePorts(1);
  const cwd = scope.keep(temporaryFolder()).path;
  const env = { CAUSEWAY_URL: relay.url, PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter) };
  const shell = (block: string): Running => {
    const script = block.replaceAll('8000', String(served)).replaceAll('8080', String(local));
    const running = start('sh', ['-e', '-c', script.replace(/^causeway/, 'exec causeway')], { cwd, env });
    scope.keep({ stop: () => running.kill('SIGINT') });
    return running;
  };
  expect(await shell(secret).result).toMatchObject({ code: 0 });
  await shell(home).stderrShows('as homeserver');
  await shell(road).stderrShows('at homeserver');
  expect(await shell(use).result).toMatchObject({ code: 0, stdout: 'hello from /hello.txt\n' });
});
