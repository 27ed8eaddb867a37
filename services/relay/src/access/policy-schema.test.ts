import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { policyFile } from './policy-file.ts';
import { parsePolicy, policySchema } from './policy-schema.ts';

const POLICY = {
  cluster: { messages: { perSecond: 1e12 }, bytes: null },
  defaults: { auth: 'open', realm: {}, peer: { messages: { perSecond: 0.5, burst: 1 } }, caps: { connections: 0 } },
  realms: {
    acme: { auth: 'token', caps: { connections: null, reservations: 1, watched: 2, rooms: 3, mailboxBytes: 4 } },
    'a.b-c_1': { peer: { messages: null } },
    constructor: {},
  },
  peers: { 'acme/bob': { bytes: { perSecond: 10 } }, 'acme/a/b}é': {} },
};

function problems(policy: unknown): string[] {
  const parsed = parsePolicy(typeof policy === 'string' ? policy : JSON.stringify(policy));
  return parsed.ok ? [] : parsed.problems.map(({ path }) => path);
}

test('a policy is read as it was written', () => {
  expect(parsePolicy(JSON.stringify(POLICY))).toEqual({ ok: true, document: POLICY });
  expect(parsePolicy('{}')).toEqual({ ok: true, document: {} });
});

test.each([
  ['{"realms":', ''],
  ['null', ''],
  [[], ''],
  [{ realm: {} }, 'realm'],
  [{ cluster: { messages: 5 } }, 'cluster.messages'],
  [{ cluster: { messages: {} } }, 'cluster.messages.perSecond'],
  [{ cluster: { messages: { perSecond: 0 } } }, 'cluster.messages.perSecond'],
  [{ cluster: { messages: { perSecond: -1 } } }, 'cluster.messages.perSecond'],
  [{ cluster: { messages: { perSecond: 1.1e12 } } }, 'cluster.messages.perSecond'],
  [{ cluster: { bytes: { perSecond: 1, burst: 0.9 } } }, 'cluster.bytes.burst'],
  ['{"cluster":{"bytes":{"perSecond":1e999}}}', 'cluster.bytes.perSecond'],
  [{ defaults: { caps: { rooms: -1 } } }, 'defaults.caps.rooms'],
  [{ defaults: { caps: { rooms: 0.5 } } }, 'defaults.caps.rooms'],
  [{ defaults: { auth: 'closed' } }, 'defaults.auth'],
  [{ realms: { ACME: {} } }, 'realms.ACME'],
  [{ realms: { acme: { realm: { messages: { perSecond: '5' } } } } }, 'realms.acme.realm.messages.perSecond'],
  [{ realms: { acme: { limits: {} } } }, 'realms.acme.limits'],
  [{ peers: { bob: {} } }, 'peers.bob'],
  [{ peers: { '/bob': {} } }, 'peers./bob'],
  [{ peers: { 'acme/': {} } }, 'peers.acme/'],
  [{ peers: { 'acme/bob': { auth: 'open' } } }, 'peers.acme/bob.auth'],
  ['{"realms":{"__proto__":{"auth":"open"}}}', ''],
  [{ realms: Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`realm-number-${index}`, {}])) }, ''],
])('%.70j is no policy, by its field %s', (policy, path) => {
  expect(problems(policy)).toEqual([path]);
});

test('everything that is wrong is named, in words', () => {
  const parsed = parsePolicy('{"x":1,"y":1,"realms":{"A":{}},"cluster":{"messages":{"perSecond":0}}}');
  expect(parsed).toEqual({
    ok: false,
    problems: [
      { path: 'cluster.messages.perSecond', message: 'Too small: expected number to be >0' },
      { path: 'realms.A', message: 'is no realm: 1 to 64 of a-z 0-9 . _ -' },
      { path: 'x', message: 'there is no such field' },
      { path: 'y', message: 'there is no such field' },
    ],
  });
  expect(parsePolicy(' '.repeat(1024 * 1024 + 1))).toEqual({
    ok: false,
    problems: [{ path: '', message: 'holds 1048577 bytes, allowed are 1048576' }],
  });
});

test('its form can be told as a JSON Schema', () => {
  expect(z.toJSONSchema(policySchema)).toMatchObject({ type: 'object', additionalProperties: false });
});

test('a file is read as its text, or all that is wrong with it is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-policy-'));
  try {
    const path = join(folder, 'policy.json');
    const read = () => policyFile.safeParse(path);
    const messages = () => read().error?.issues.map(({ message }) => message);
    expect(messages()).toEqual([expect.stringContaining('ENOENT')]);
    writeFileSync(path, '{"x":1,"defaults":{"auth":"no"}}');
    expect(messages()).toEqual([expect.stringMatching(/^defaults\.auth: /), 'x: there is no such field']);
    const text = `${JSON.stringify(POLICY, null, 2)}\n`;
    writeFileSync(path, text);
    expect(read().data).toBe(text);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
