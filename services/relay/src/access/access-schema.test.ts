import { describe, expect, test } from 'vitest';
import {
  type AccessDocument,
  type AccessList,
  type Addition,
  addEntry,
  type Ban,
  MAX_ENTRIES,
  NO_ACCESS_LISTS,
  newEntryId,
  parseAccess,
  prune,
  removeEntry,
} from './access-schema.ts';

const NOW = 1_750_000_000_000;

function added(document: AccessDocument, list: AccessList, addition: Partial<Addition>, id: string): AccessDocument {
  const reply = addEntry(document, list, { kind: 'realm', reason: '', until: null, ...addition }, NOW, id);
  if (!reply.ok) throw new Error(JSON.stringify(reply.problems));
  return reply.document;
}

function problems(list: AccessList, addition: object): string[] {
  const reply = addEntry(NO_ACCESS_LISTS, list, { kind: '', reason: '', until: null, ...addition }, NOW);
  return reply.ok ? [] : reply.problems.map(({ path }) => path);
}

function bans(count: number, until: number | null = null): Ban[] {
  const base = { kind: 'realm', realm: 'acme', reason: '', at: NOW, until } as const;
  return Array.from({ length: count }, (_, index) => ({ ...base, id: `b${index}` }));
}

describe('an entry', () => {
  test('of every kind is added with its id and time, and read again', () => {
    let document = NO_ACCESS_LISTS;
    const kinds: [AccessList, Partial<Addition>][] = [
      ['bans', { kind: 'peer', realm: 'acme', peer: 'a/b}é' }],
      ['bans', { kind: 'realm', realm: 'acme' }],
      ['bans', { kind: 'address', range: '10.0.0.0/8', realm: undefined, reason: 'why' }],
      ['allow', { kind: 'peer', realm: 'acme', peer: 'bob', until: NOW + 1 }],
      ['allow', { kind: 'address', realm: 'acme', range: '2001:db8::1' }],
      ['revocations', { kind: 'token', token: 'jti-1' }],
      ['revocations', { kind: 'token', token: 'jti-1', realm: 'acme' }],
      ['revocations', { kind: 'peer', realm: 'acme', peer: 'bob' }],
      ['revocations', { kind: 'realm', realm: 'acme' }],
    ];
    for (const [index, [list, addition]] of kinds.entries()) document = added(document, list, addition, `id-${index}`);
    expect([document.bans, document.allow, document.revocations].map((list) => list.length)).toEqual([3, 2, 4]);
    expect(document.bans[2]).toEqual({
      ...{ id: 'id-2', kind: 'address', range: '10.0.0.0/8' },
      ...{ reason: 'why', at: NOW, until: null },
    });
    expect(parseAccess(JSON.stringify(document))).toEqual({ ok: true, document });
    expect(NO_ACCESS_LISTS).toEqual({ bans: [], allow: [], revocations: [] });
  });

  test('that says too little, too much or what cannot be is refused, with the field', () => {
    expect(problems('bans', { kind: 'nobody' })).toEqual(['kind']);
    expect(problems('bans', { kind: 'peer' })).toEqual(['realm', 'peer']);
    expect(problems('bans', { kind: 'peer', realm: 'ACME', peer: '' })).toEqual(['realm', 'peer']);
    expect(problems('bans', { kind: 'realm', realm: 'acme', peer: 'bob' })).toEqual(['peer']);
    expect(problems('bans', { kind: 'address', range: '10.0.0.0/33' })).toEqual(['range']);
    expect(problems('allow', { kind: 'address', range: '::1' })).toEqual(['realm']);
    expect(problems('allow', { kind: 'realm', realm: 'acme' })).toEqual(['kind']);
    expect(problems('revocations', { kind: 'token', token: '' })).toEqual(['token']);
    expect(problems('bans', { kind: 'realm', realm: 'acme', reason: 'x'.repeat(201), until: 0.5 })).toEqual([
      'reason',
      'until',
    ]);
  });

  test('has an id of its own', () => {
    const ids = Array.from({ length: 1000 }, newEntryId);
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[\w-]{12}$/);
  });

  test('is removed by its id, from its own list', () => {
    const document = added(added(NO_ACCESS_LISTS, 'bans', { realm: 'a' }, 'one'), 'bans', { realm: 'b' }, 'two');
    expect(removeEntry(document, 'bans', 'one', NOW)?.bans.map(({ id }) => id)).toEqual(['two']);
    expect(removeEntry(document, 'revocations', 'one', NOW)).toBeNull();
    expect(removeEntry(document, 'bans', 'three', NOW)).toBeNull();
  });
});

describe('entries that have expired', () => {
  const document = { ...NO_ACCESS_LISTS, bans: [...bans(2, NOW), ...bans(1, NOW + 1)] };

  test('go with every change', () => {
    expect(prune(document, NOW).bans).toEqual(bans(1, NOW + 1));
    expect(added(document, 'bans', { realm: 'new' }, 'new').bans.map(({ id }) => id)).toEqual(['b0', 'new']);
    expect(removeEntry(document, 'bans', 'b1', NOW)).toBeNull();
  });

  test('of an allow list leave the last one, so that the realm stays closed', () => {
    const entry = (id: string, realm: string, until: number | null) => ({
      ...{ id, at: 0, reason: '', until, realm: realm as never },
      ...{ kind: 'peer' as const, peer: 'bob' as never },
    });
    const allow = [entry('a', 'x', NOW), entry('b', 'x', NOW), entry('c', 'y', NOW), entry('d', 'y', null)];
    expect(prune({ ...NO_ACCESS_LISTS, allow }, NOW).allow.map(({ id }) => id)).toEqual(['b', 'd']);
    expect(removeEntry({ ...NO_ACCESS_LISTS, allow }, 'allow', 'b', NOW)?.allow.map(({ id }) => id)).toEqual(['d']);
  });

  test('do not count among those that there may be', () => {
    const full = { ...NO_ACCESS_LISTS, bans: bans(MAX_ENTRIES) };
    const addition = { kind: 'realm', realm: 'acme', reason: '', until: null };
    expect(addEntry(full, 'revocations', addition, NOW)).toEqual({
      ok: false,
      problems: [{ path: '', message: 'there are 10000 entries, which is the most' }],
    });
    expect(added({ ...NO_ACCESS_LISTS, bans: bans(MAX_ENTRIES, NOW) }, 'bans', { realm: 'x' }, 'x').bans).toHaveLength(
      1,
    );
  });
});

test.each([
  ['{', ''],
  ['[]', ''],
  ['{"bans":[],"allow":[],"revocations":[],"more":1}', 'more'],
  ['{"bans":[],"allow":[]}', 'revocations'],
  ['{"bans":[{"kind":"later"}],"allow":[],"revocations":[]}', 'bans.0.kind'],
  [JSON.stringify({ ...NO_ACCESS_LISTS, bans: bans(MAX_ENTRIES + 1) }), ''],
])('%.60s is no access document', (text, path) => {
  const parsed = parseAccess(text);
  expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.path)).toEqual([path]);
});
