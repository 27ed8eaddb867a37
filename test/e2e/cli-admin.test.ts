import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { type RelayCluster, startCluster } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { codeBlocks } from './markdown.ts';
import { type Run, type Running, type RunOptions, run, start } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'packages/cli/src/main.ts');
const TOKENS = 'read:look,operate:act,admin:all';

let redis: RedisDeployment;
let cluster: RelayCluster;
let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-admin-'));
  const made = await run(process.execPath, [MAIN, 'token', 'keygen', ...keyFiles(), '--realms', 'members']);
  expect(made).toMatchObject({ code: 0 });
  redis = await startRedis();
  const env = { CAUSEWAY_ADMIN_TOKENS: TOKENS, CAUSEWAY_TOKEN_KEYS_FILE: file('jwks.json') };
  cluster = await startCluster({ relays: 2, redis, env });
});

afterAll(async () => {
  await cluster?.stop();
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const keyFiles = (): string[] => ['--out-private', file('key.json'), '--out-public', file('jwks.json')];

/** Clients are at the first node, operators ask the second. */
function options({ env, ...rest }: RunOptions = {}): RunOptions {
  const [clients, operators] = cluster.relays;
  return {
    ...rest,
    env: {
      CAUSEWAY_URL: clients?.url ?? '',
      CAUSEWAY_ADMIN_URL: operators?.adminUrl ?? '',
      CAUSEWAY_ADMIN_TOKEN: 'all',
      ...env,
    },
  };
}

const causeway = (...args: string[]): Promise<Run> => run(process.execPath, [MAIN, ...args], options());
const admin = (...args: string[]): Promise<Run> => causeway('admin', ...args);

/** What a command says that has to succeed. */
async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await admin(...args);
  expect([code, stderr], `${args.join(' ')}: ${stdout}`).toEqual([0, '']);
  return stdout;
}

const asJson = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse(await said(...args, '--json')) as Record<string, unknown>;

/** Somebody who listens, and is online. */
async function listen(peer: string, ...args: string[]): Promise<Running> {
  const listener = start(process.execPath, [MAIN, 'listen', '--as', peer, ...args], options());
  await listener.stderrShows(`listening as ${peer}`);
  return listener;
}

describe('causeway admin', () => {
  it('nodes: both, and which has answered', async () => {
    const known = async () =>
      ((await asJson('nodes')) as { nodes: { node: string; self: boolean; state: string }[] }).nodes;
    await waitFor(async () => (await known()).length === 2, { what: 'the nodes know of each other' });
    const nodes = await known();
    expect(nodes.map(({ self, state }) => [self, state]).sort()).toEqual([
      [false, 'live'],
      [true, 'live'],
    ]);
    const table = await said('nodes');
    for (const { node, self } of nodes) expect(table).toContain(self ? `${node} *` : node);
  });

  it('peer, purge, disconnect and erase', async () => {
    await causeway('send', '--as', 'alice', 'absent', 'hello');
    expect(await said('peer', 'default/absent')).toMatch(/state +offline\n(.*\n)+mailbox +1 messages, \d+ B/);
    expect(await said('purge', 'default/absent')).toMatch(/^1 messages of \d+ B were thrown away\n$/);
    const bob = await listen('bob');
    expect(await asJson('peer', 'default/bob')).toMatchObject({ online: true, realm: 'default' });
    expect(await said('disconnect', 'default/bob', '--reason', 'maintenance')).toContain('is disconnected');
    bob.kill('SIGINT');
    await bob.result;
    const unsure = await admin('erase', 'default/bob');
    expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    expect(await said('erase', 'default/bob', '--yes')).toBe('default/bob is erased\n');
    const gone = await admin('peer', 'default/bob');
    expect([gone.code, gone.stdout, gone.stderr]).toEqual([1, '', expect.stringMatching(/^causeway: .*known/)]);
  });

  it('ban: in force at once, everywhere, until it is removed', async () => {
    const mallory = await listen('mallory');
    const id =
      (await said('ban', 'add', 'peer:default/mallory', '--for', '2h', '--reason', 'spam')).split(' ')[0] ?? '';
    expect(await mallory.result).toMatchObject({ code: 77 });
    expect(await said('ban', 'list')).toMatch(/peer:default\/mallory .*\(in (2 h|1 h 59 min)\) +spam\n/);
    expect(await causeway('send', '--as', 'mallory', 'bob', 'x')).toMatchObject({ code: 77 });
    expect(await said('ban', 'remove', id)).toMatch(/^removed/);
    expect(await asJson('access')).toMatchObject({ bans: [] });
    expect(await admin('ban', 'remove', id)).toMatchObject({ code: 1 });
    await waitFor(async () => (await causeway('send', '--as', 'mallory', 'bob', 'x')).code === 0, {
      what: 'mallory may come in again',
    });
  });

  it('limits: set, get, unset, history and rollback', async () => {
    const set = ['limits', 'set', 'realm:acme', 'messages=5000/s', 'bytes=20MB/s', 'mailbox-bytes=1GiB'];
    expect(await said(...set, '--note', 'launch')).toBe('version 1 is in force\n');
    expect(await said(...set)).toBe('version 1 says so already\n');
    expect(await said('limits', 'set', 'peer:acme/alice', 'messages=5/s', 'messages-burst=2')).toContain('version 2');
    const shown = await said('limits', 'get');
    expect(shown).toContain('realm:acme       messages=5000/s bytes=20MB/s mailbox-bytes=1GiB\n');
    expect(shown).toContain('peer:acme/alice  messages=5/s messages-burst=2\n');
    expect(await said('limits', 'get', 'peer:acme/alice')).toMatch(/\npeer +5\/s +2 +no limit/);
    expect(await said('limits', 'unset', 'realm:acme', 'messages', 'bytes')).toContain('version 3');
    expect(await said('limits', 'history')).toContain('    realm:acme messages=unset (was 5000/s)\n');
    expect(await said('limits', 'rollback', '1')).toContain('version 4');
    expect(await asJson('limits', 'get')).toMatchObject({ version: 4, policy: { realms: { acme: {} } } });
    expect(await admin('limits', 'rollback', '99')).toMatchObject({ code: 1 });
    const refused = await admin('limits', 'set', 'realm:acme', 'messages=0/s');
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('realms.acme.realm.messages.perSecond: '),
    ]);
    expect(await asJson('limits', 'get')).toMatchObject({ version: 4 });
  });

  it('limits: edits of several at once are all kept', async () => {
    const realms = ['one', 'two', 'three'];
    await Promise.all(realms.map((realm) => said('limits', 'set', `realm:${realm}`, 'connections=5')));
    const { policy } = (await asJson('limits', 'get')) as { policy: { realms: Record<string, unknown> } };
    expect(policy.realms).toMatchObject(
      Object.fromEntries(realms.map((realm) => [realm, { caps: { connections: 5 } }])),
    );
  });

  it('allow: takes from the limits, and says which is reached', async () => {
    await said('limits', 'set', 'peer:asked/alice', 'messages=1/h', 'messages-burst=2');
    const allow = ['allow', 'asked/alice', '--messages', '2'];
    // A node that has just heard of the limit may have to fetch its part first, and says so by a short wait.
    await waitFor(async () => (await admin(...allow)).stdout === 'allowed\n', { what: 'the first is allowed' });
    const refused = await admin(...allow);
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('the limit of the peer is reached')]);
  });

  it('usage, audit, top and consistency', async () => {
    await waitFor(async () => (await said('usage', '--csv')).includes('\ndefault,'), {
      what: 'usage of the realm',
      timeoutMs: 30_000,
    });
    expect(await said('usage', '--realm', 'default', '--from', '2h', '--peers')).toMatch(
      /\ndefault +\d{4}-.*\n(.*\n)*total /,
    );
    expect(await said('audit', '--count', '1')).toMatch(/ limits\.set /);
    expect(await said('top', '--once')).toMatch(/^time\tkind\tname\tmessages\/s/);
    expect(await asJson('top', '--once')).toMatchObject({ nodes: 2 });
    expect(await said('consistency')).toMatch(/^CHECK +OK +EXPECTED/);
  });

  it('reservations of other relays', async () => {
    const put = ['reservation', 'put', 'foreign/zoe', '--holder', 'relay-7', '--epoch'];
    expect(await said(...put, '5', '--for', '1h')).toMatch(/^epoch 5, until .*\((in 1 h|in 59 min.*)\)/);
    expect(await said('reservation', 'get', 'foreign/zoe')).toMatch(/^holder +relay-7\nepoch +5\n/);
    const late = await admin('reservation', 'put', 'foreign/zoe', '--holder', 'relay-8', '--epoch', '4', '--for', '1h');
    expect(late).toMatchObject({ code: 1 });
    await said('reservation', 'delete', 'foreign/zoe', '--epoch', '5');
    expect(await admin('reservation', 'get', 'foreign/zoe')).toMatchObject({ code: 1 });
  });

  it.each([
    [2, 'a scope that is none', ['limits', 'set', 'acme', 'messages=5/s']],
    [2, 'a key that is none', ['limits', 'set', 'realm:acme', 'speed=5/s']],
    [2, 'no such command', ['frobnicate']],
    [77, 'a token that is none', ['nodes', '--token', 'wrong']],
    [77, 'a role that may not', ['limits', 'set', 'cluster', 'messages=5/s', '--token', 'look']],
    [69, 'no relay', ['nodes', '--url', 'http://127.0.0.1:9']],
  ])('%i: %s', async (exitCode, _, args) => {
    const { code, stdout, stderr } = await admin(...args);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr).toMatch(/^(causeway|error): /);
    expect(stderr).not.toContain('    at ');
  });

  it.each([['admin'], ['admin limits'], ['admin limits set'], ['admin ban'], ['token']])(
    '%s --help has examples',
    async (command) => {
      const { code, stdout } = await causeway(...command.split(' '), '--help');
      expect([code, stdout]).toEqual([0, expect.stringContaining('Examples:\n  causeway ')]);
    },
  );
});

describe('causeway token', () => {
  it('signs what the realm takes, until it is revoked', async () => {
    await said('limits', 'set', 'realm:members', 'auth=token');
    const sign = [
      'token',
      'sign',
      '--sub',
      'zoe',
      '--realm',
      'members',
      '--key-file',
      file('key.json'),
      '--id',
      'zoes',
    ];
    const token = (await causeway(...sign)).stdout.trim();
    writeFileSync(file('token'), token);
    expect(await causeway('token', 'inspect', token, '--key-file', file('jwks.json'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('The signature is good.'),
    });
    await waitFor(async () => (await causeway('send', '--realm', 'members', 'zoe', 'x')).code === 77, {
      what: 'the realm asks for tokens',
    });
    const zoe = await listen('zoe', '--realm', 'members', '--token-file', file('token'));
    await said('revoke', 'token:zoes', '--realm', 'members', '--reason', 'lost');
    // It goes on asking with what is in the file, where a fresh one may come.
    await zoe.stderrShows('the token was revoked');
    zoe.kill('SIGINT');
    expect(await zoe.result).toMatchObject({ code: 130 });
    const late = await causeway('send', '--realm', 'members', '--token', token, 'zoe', 'x');
    expect([late.code, late.stderr]).toEqual([77, expect.stringContaining('the token was revoked')]);
  });
});

it("the examples in the command's README work", async () => {
  writeFileSync(file('admin-token'), 'all\n');
  symlinkSync(MAIN, file('causeway'));
  const { env } = options();
  // Those of transfers are run where there is a relay for them.
  const blocks = codeBlocks(join(ROOT, 'packages/cli/README.md'), 'bash')
    .filter((block) => /causeway (admin|token)/.test(block))
    .map((block) => block.replaceAll('http://127.0.0.1:7071', env?.CAUSEWAY_ADMIN_URL ?? ''));
  expect(blocks).toHaveLength(2);
  const examples = join(folder, 'examples');
  mkdirSync(examples);
  const [tokens = '', cluster = ''] = blocks;
  const path = [folder, join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  const sh = (script: string): Promise<Run> =>
    run('bash', ['-e', '-c', script], { cwd: examples, env: { PATH: path, CAUSEWAY_ADMIN_TOKEN: '' } });
  expect(await sh(tokens)).toMatchObject({ code: 0, stdout: expect.stringContaining('The signature is good.') });
  expect(await sh(cluster.replace('=admin-token', `=${file('admin-token')}`))).toMatchObject({ code: 0, stderr: '' });
});

it('causeway admin drain has the other node end', async () => {
  const [clients] = cluster.relays;
  const { nodes } = (await asJson('nodes')) as { nodes: { node: string; self: boolean }[] };
  const other = nodes.find(({ self }) => !self)?.node ?? '';
  expect(await said('drain', other)).toContain(`${other} drains`);
  expect(await clients?.exited).toBe(0);
});
