import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadRelayConfig, VARIABLES } from './config.ts';
import { renderConfigurationDoc } from './config-doc.ts';
import { connectionLimit, parseOpenFileLimit } from './connection-limit.ts';

const DOC = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

function problems(env: Record<string, string>): readonly string[] {
  const loaded = loadRelayConfig(env);
  return loaded.ok ? [] : loaded.problems;
}

test('docs/configuration.md is the table', () => {
  expect(DOC).toBe(renderConfigurationDoc());
  const documented = [...DOC.matchAll(/^\| `(CAUSEWAY_\w+)`/gm)].map(([, name]) => name);
  expect(documented).toEqual(Object.values(VARIABLES).map(({ name }) => name));
});

test('an empty environment is a relay of one node on this machine', () => {
  const loaded = loadRelayConfig({ CAUSEWAY_URL: 'ws://127.0.0.1:7070', PATH: '/bin' });
  expect(loaded).toMatchObject({
    ok: true,
    config: {
      host: '127.0.0.1',
      port: 7070,
      sharedPort: null,
      processes: 1,
      adminPort: 7071,
      redisUrl: null,
      redisPassword: null,
      auth: 'open',
      publicUrl: null,
      realms: [],
      mailboxBytes: 16 * 1024 * 1024,
      realmMailboxBytes: 1024 ** 3,
      maxPayload: 65_536,
      linkBytes: 64 * 1024 * 1024,
      inboxBytes: 256 * 1024 * 1024,
    },
  });
});

test('values are read', () => {
  const loaded = loadRelayConfig({
    CAUSEWAY_REDIS_URL: 'redis+cluster://a:1,b:2',
    CAUSEWAY_PROCESSES: 'auto',
    CAUSEWAY_SHARED_PORT: '7080',
    CAUSEWAY_REALMS: 'one, two',
    CAUSEWAY_AUTH: 'open-sticky',
  });
  expect(loaded).toMatchObject({
    ok: true,
    config: {
      redisUrl: 'redis+cluster://a:1,b:2',
      processes: availableParallelism(),
      sharedPort: 7080,
      realms: ['one', 'two'],
      auth: 'open-sticky',
    },
  });
});

test.each([
  ['CAUSEWAY_PORT', '65536'],
  ['CAUSEWAY_PORT', 'tcp://10.0.0.1:7070'],
  ['CAUSEWAY_SHARED_PORT', '0'],
  ['CAUSEWAY_PROCESSES', '0'],
  ['CAUSEWAY_PROCESSES', 'all'],
  ['CAUSEWAY_REDIS_URL', 'localhost:6379'],
  ['CAUSEWAY_REDIS_PREFIX', 'cw{}:'],
  ['CAUSEWAY_REDIS_PASSWORD_FILE', '/nowhere/at/all'],
  ['CAUSEWAY_MAX_CONNECTIONS', '1000001'],
  ['CAUSEWAY_AUTH', 'password'],
  ['CAUSEWAY_PUBLIC_URL', 'http://relay'],
  ['CAUSEWAY_REALMS', 'fine,Not Fine'],
  ['CAUSEWAY_MAILBOX_TTL_SECONDS', '0'],
  ['CAUSEWAY_RESERVATION_TTL_SECONDS', '-1'],
  ['CAUSEWAY_MAX_PAYLOAD', '1048431'],
  ['CAUSEWAY_LOG_LEVEL', 'verbose'],
])('%s=%s is refused', (name, value) => {
  const [problem, ...others] = problems({ [name]: value });
  expect(problem).toMatch(new RegExp(`^${name} is .*, allowed is `));
  expect(others).toEqual([]);
});

test('a password in the URL of Redis is not shown', () => {
  expect(problems({ CAUSEWAY_REDIS_URL: 'reddis://:hunter2@host' }).join()).not.toContain('hunter2');
});

test('contradictions are named together', () => {
  const file = new URL(import.meta.url).pathname;
  expect(
    problems({
      CAUSEWAY_PROCESSES: '4',
      CAUSEWAY_REDIS_PASSWORD_FILE: file,
      CAUSEWAY_REDIS_MIN_REPLICAS: '1',
      CAUSEWAY_PORT: '7000',
      CAUSEWAY_SHARED_PORT: '7000',
      CAUSEWAY_ADMIN_PORT: '7000',
    }),
  ).toEqual([
    'CAUSEWAY_PROCESSES is 4: several processes need CAUSEWAY_REDIS_URL to form one relay',
    'CAUSEWAY_REDIS_PASSWORD_FILE is set without CAUSEWAY_REDIS_URL',
    'CAUSEWAY_REDIS_MIN_REPLICAS is set without CAUSEWAY_REDIS_URL',
    'CAUSEWAY_SHARED_PORT is 7000, the same as CAUSEWAY_PORT: it must be a second port',
    'CAUSEWAY_ADMIN_PORT is 7000, and up to 7003 for 4 processes, the same as a public port: it must be one of its own',
  ]);
});

test('several processes have ports that fit', () => {
  const several = { CAUSEWAY_PROCESSES: '4', CAUSEWAY_REDIS_URL: 'redis://host' };
  expect(problems({ ...several, CAUSEWAY_PORT: '0' })).toEqual([
    'CAUSEWAY_PROCESSES is 4 and CAUSEWAY_PORT is 0: several processes need a port to share',
  ]);
  expect(problems({ ...several, CAUSEWAY_PORT: '7074' })).toEqual([
    'CAUSEWAY_ADMIN_PORT is 7071, and up to 7074 for 4 processes, the same as a public port: it must be one of its own',
  ]);
  expect(problems({ ...several, CAUSEWAY_ADMIN_PORT: '65533' })).toEqual([
    'CAUSEWAY_ADMIN_PORT is 65533, and up to 65536 for 4 processes: ports end at 65535',
  ]);
  const fine = { ...several, CAUSEWAY_PORT: '0', CAUSEWAY_SHARED_PORT: '7070', CAUSEWAY_ADMIN_PORT: '7071' };
  expect(loadRelayConfig(fine).ok).toBe(true);
});

test('an unknown name is refused with the nearest one', () => {
  expect(problems({ CAUSEWAY_REDIS_URI: 'x', CAUSEWAY_PORT: 'x' })).toEqual([
    'CAUSEWAY_REDIS_URI is unknown, did you mean CAUSEWAY_REDIS_URL?',
    'CAUSEWAY_PORT is "x", allowed is an integer from 0 to 65535',
  ]);
});

test('connections are what the open-file limit leaves', () => {
  expect(parseOpenFileLimit('Limit  Soft  Hard\nMax open files            1024   524288   files\n')).toBe(1024);
  expect(parseOpenFileLimit('Max open files            unlimited   unlimited   files')).toBe(Number.POSITIVE_INFINITY);
  expect([100, 1024, 20_000, 1_048_576, Number.POSITIVE_INFINITY].map(connectionLimit)).toEqual([
    64, 896, 17_952, 1_000_000, 1_000_000,
  ]);
});

test('admin tokens come from the environment or from a file, and are not shown', () => {
  const config = (env: Record<string, string>) => {
    const loaded = loadRelayConfig(env);
    if (!loaded.ok) throw new Error(loaded.problems.join());
    return loaded.config;
  };
  expect(config({}).adminTokens).toEqual([]);
  expect(config({ CAUSEWAY_ADMIN_TOKENS: 'read:a, admin:b:c' }).adminTokens).toEqual([
    { role: 'read', token: 'a' },
    { role: 'admin', token: 'b:c' },
  ]);
  const directory = mkdtempSync(join(tmpdir(), 'relay-config-'));
  try {
    const file = join(directory, 'tokens');
    writeFileSync(file, 'read:a\noperate:b,read:c\r\n');
    const tokens = config({ CAUSEWAY_ADMIN_TOKENS_FILE: file }).adminTokensFile;
    expect(tokens?.map(({ role, token }) => `${role} ${token}`)).toEqual(['read a', 'operate b', 'read c']);
    expect(problems({ CAUSEWAY_ADMIN_TOKENS_FILE: file, CAUSEWAY_ADMIN_TOKENS: 'read:a' })).toEqual([
      expect.stringContaining('both set'),
    ]);
    writeFileSync(file, 'read:a\nhunter2\n');
    expect(problems({ CAUSEWAY_ADMIN_TOKENS_FILE: file }).join()).not.toContain('hunter2');
  } finally {
    rmSync(directory, { recursive: true });
  }
  for (const bad of ['hunter2', 'root:hunter2', 'read:', 'read:hunter 2', 'read:a,hunter2']) {
    const [problem] = problems({ CAUSEWAY_ADMIN_TOKENS: bad });
    expect([problem, problem?.includes('hunter')]).toEqual([expect.stringContaining('CAUSEWAY_ADMIN_TOKENS'), false]);
  }
});

test('the policy to begin with is read as its text, and everything wrong with it is named', () => {
  const directory = mkdtempSync(join(tmpdir(), 'relay-config-'));
  try {
    const file = join(directory, 'policy.json');
    writeFileSync(file, '{"defaults":{"auth":"open"}}\n');
    const text = '{"defaults":{"auth":"open"}}\n';
    expect(loadRelayConfig({ CAUSEWAY_POLICY_FILE: file })).toMatchObject({ ok: true, config: { policySeed: text } });
    expect(loadRelayConfig({})).toMatchObject({ ok: true, config: { policySeed: null } });
    writeFileSync(file, '{"defaults":{"auth":"no"},"realm":{}}');
    const [problem, ...more] = problems({ CAUSEWAY_POLICY_FILE: file });
    expect(problem).toMatch(/^CAUSEWAY_POLICY_FILE is .*: defaults\.auth: .*: realm: there is no such field$/);
    expect(more).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
