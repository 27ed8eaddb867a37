import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createClient as client } from '../../../packages/client/src/index.ts';
import { codeBlocks } from '../../e2e/markdown.ts';
import { mustRun, type Running, start } from '../../e2e/run.ts';
import { joinPeer } from '../../kit/peer.ts';
import { freePorts } from '../../kit/ports.ts';
import { type Env, type Relay, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { ending } from '../fixture.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PAGE = join(ROOT, 'docs/authentication.md');
const DEFAULT_URL = 'ws://127.0.0.1:7070';

const [keygen = '', trying = '', revoking = '', ...otherShell] = codeBlocks(PAGE, 'sh');
const [token = '', key = '', hook = '', ...otherJs] = codeBlocks(PAGE, 'js');

const scope = new Scope();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-auth-docs-'));
  symlinkSync(join(ROOT, 'packages/cli/src/main.ts'), join(folder, 'causeway'));
});
afterEach(() => scope.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function relayWith(env: Env): Promise<Relay> {
  return scope.keep(await startRelay({ env }));
}

function shell(script: string, env: Env = {}): Promise<string> {
  const path = [folder, join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  return mustRun('sh', ['-ec', script.replaceAll('npx ', '')], { cwd: folder, env: { ...env, PATH: path } });
}

function module(source: string, env: Env = {}): Running {
  const text = source.replaceAll("'issuer.json'", JSON.stringify(join(folder, 'issuer.json')));
  return start(process.execPath, ['--input-type=module', '--eval', text], { cwd: ROOT, env });
}

it('the examples of docs/authentication.md are all known here', () => {
  expect([otherShell, otherJs]).toEqual([[], []]);
});

it('tokens are made, believed and revoked as it says', async () => {
  await shell(keygen);
  const admin = { CAUSEWAY_ADMIN_TOKENS: 'operate:secret' };
  const keys = { CAUSEWAY_AUTH: 'token', CAUSEWAY_TOKEN_KEYS_FILE: join(folder, 'keys.json') };
  const relay = await relayWith({ ...keys, ...admin });
  expect(await shell(trying, { CAUSEWAY_URL: relay.url })).toBe(codeBlocks(PAGE, 'text')[0]);
  const { stdout } = await module(token.replaceAll(DEFAULT_URL, relay.url)).result;
  expect(stdout).toBe('connected as carol\n');

  const read = (name: string) => readFileSync(join(folder, `${name}.token`), 'utf8').trim();
  const hello = { realm: 'acme', auth: { scheme: 'token' as const, token: read('alice') } };
  const alice = scope.keep(await joinPeer({ url: relay.url }, hello));
  await shell(revoking, { CAUSEWAY_ADMIN_URL: relay.adminUrl, CAUSEWAY_ADMIN_TOKEN: 'secret' });
  expect(await ending(alice)).toEqual(['expired', 4003]);
});

it('a key is an identity as it says', async () => {
  const relay = await relayWith({ CAUSEWAY_AUTH: 'key' });
  const { stdout } = await module(key.replaceAll(DEFAULT_URL, relay.url)).result;
  expect(stdout).toBe('a peer id of 52 characters\n');
});

it('the hook is asked as it says, and decides', async () => {
  const [port = 0] = await freePorts(1);
  const service = module(hook, { PORT: String(port) });
  scope.keep({ stop: () => service.kill('SIGKILL') });
  service.result.catch(() => undefined);
  await service.stderrShows('ready');
  const secret = join(folder, 'hook-secret');
  writeFileSync(secret, 's3cret');
  const env = { CAUSEWAY_ADMISSION_URL: `http://127.0.0.1:${port}/`, CAUSEWAY_ADMISSION_SECRET_FILE: secret };
  const relay = await relayWith(env);
  const alice = client({ url: relay.url, peer: 'alice' });
  await alice.start();
  await alice.stop();
  await expect(client({ url: relay.url, peer: 'xavier' }).start()).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('no such customer'),
  });
});
