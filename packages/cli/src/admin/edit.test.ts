import { describe, expect, it } from 'vitest';
import { assignmentsOf, parseAssignment, parseRemoval } from './assignments.ts';
import { edit } from './edit.ts';
import { parseScope } from './names.ts';
import type { PolicyDocument } from './policy.ts';

function set(document: PolicyDocument, scope: string, ...assignments: string[]): PolicyDocument {
  const parsed = parseScope(scope);
  const changes = assignments.map((one) => parseAssignment(one, parsed));
  return edit(document, parsed, changes);
}

function unset(document: PolicyDocument, scope: string, ...keys: string[]): PolicyDocument {
  const parsed = parseScope(scope);
  const changes = keys.map((key) => parseRemoval(key, parsed));
  return edit(document, parsed, changes);
}

describe('an edit of the policy', () => {
  it('writes each key where it belongs', () => {
    expect(set({}, 'cluster', 'messages=5000/s', 'bytes=none')).toEqual({
      cluster: { messages: { perSecond: 5000 }, bytes: null },
    });
    expect(set({}, 'peer:acme/a/b', 'bytes=1MB/s', 'bytes-burst=2MB')).toEqual({
      peers: { 'acme/a/b': { bytes: { perSecond: 1_000_000, burst: 2_000_000 } } },
    });
    const all = ['messages=300/min', 'peer.messages=50/s', 'peer.bytes-burst=1MiB', 'peer.bytes=1MB/s', 'auth=token'];
    expect(set({}, 'realm:acme', ...all, 'connections=1000', 'mailbox-bytes=1GiB', 'rooms=none')).toEqual({
      realms: {
        acme: {
          auth: 'token',
          realm: { messages: { perSecond: 5 } },
          peer: { messages: { perSecond: 50 }, bytes: { perSecond: 1_000_000, burst: 1_048_576 } },
          caps: { connections: 1000, mailboxBytes: 1_073_741_824, rooms: null },
        },
      },
    });
    expect(set({}, 'defaults', 'watched=0')).toEqual({ defaults: { caps: { watched: 0 } } });
  });

  it('leaves everything else as it is, also what it does not know', () => {
    const before = {
      future: { x: 1 },
      cluster: { messages: { perSecond: 1 } },
      realms: {
        acme: { realm: { messages: { perSecond: 1, burst: 2 }, packets: 3 }, tier: 'gold' },
        beta: { auth: 'key' },
      },
    };
    const copy = structuredClone(before);
    expect(set(before, 'realm:acme', 'messages=9/s', 'bytes=1B/s')).toEqual({
      ...before,
      realms: {
        acme: { realm: { messages: { perSecond: 9, burst: 2 }, packets: 3, bytes: { perSecond: 1 } }, tier: 'gold' },
        beta: { auth: 'key' },
      },
    });
    expect(before).toEqual(copy);
  });

  it('takes keys out, and what is empty then', () => {
    const acme = set({}, 'realm:acme', 'messages=5/s', 'messages-burst=9', 'rooms=1', 'auth=key');
    expect(unset(acme, 'realm:acme', 'messages-burst')).toEqual(
      set({}, 'realm:acme', 'messages=5/s', 'rooms=1', 'auth=key'),
    );
    expect(set(acme, 'realm:acme', 'messages=unset', 'rooms=unset')).toEqual({ realms: { acme: { auth: 'key' } } });
    expect(unset(acme, 'realm:acme', 'messages', 'rooms', 'auth')).toEqual({});
    expect(unset({}, 'peer:acme/alice', 'bytes', 'messages-burst')).toEqual({});
  });

  it('lifts a limit with its burst', () => {
    expect(set(set({}, 'cluster', 'messages=5', 'messages-burst=9'), 'cluster', 'messages=none')).toEqual({
      cluster: { messages: null },
    });
  });

  it('takes no burst without a rate', () => {
    expect(() => set({}, 'cluster', 'messages-burst=5')).toThrow(
      'messages-burst needs a rate: there is none for messages',
    );
    expect(() => set({}, 'realm:acme', 'peer.bytes=none', 'peer.bytes-burst=5')).toThrow('set peer.bytes as well');
  });

  it('is not fooled by names that objects have of themselves', () => {
    const document = set({}, 'realm:__proto__', 'messages=5/s');
    expect(JSON.stringify(document)).toBe('{"realms":{"__proto__":{"realm":{"messages":{"perSecond":5}}}}}');
    expect([...assignmentsOf(document).keys()]).toEqual(['realm:__proto__']);
    expect(set({ realms: {} }, 'realm:constructor', 'auth=open')).toEqual({
      realms: { constructor: { auth: 'open' } },
    });
  });
});

describe('parseAssignment', () => {
  it.each([
    ['cluster', 'messages'],
    ['cluster', '=5/s'],
    ['cluster', 'peer.messages=5/s'],
    ['peer:acme/alice', 'connections=5'],
    ['peer:acme/alice', 'auth=open'],
    ['realm:acme', 'auth=none'],
    ['realm:acme', 'auth='],
    ['realm:acme', 'messages=5MB/s'],
    ['realm:acme', 'messages-burst=none'],
    ['realm:acme', 'connections=1.5'],
    ['realm:acme', 'mailboxBytes=5'],
    ['realm:acme', 'toString=5'],
  ])('for %s refuses %s', (scope, text) => {
    expect(() => parseAssignment(text, parseScope(scope))).toThrow(/^"/);
  });

  it('says which keys there are', () => {
    expect(() => parseAssignment('rate=5', parseScope('cluster'))).toThrow(
      '"rate" is no key of cluster: messages, messages-burst, bytes, bytes-burst',
    );
  });
});

it('what a document sets is shown in words that set the same', () => {
  const document: PolicyDocument = {
    cluster: { messages: { perSecond: 100 / 3600, burst: 7 }, bytes: null },
    defaults: { auth: 'open', peer: { bytes: { perSecond: 1_048_576 } } },
    realms: { acme: { realm: { messages: { perSecond: 0.1 } }, caps: { connections: null, mailboxBytes: 1536 } } },
    peers: { 'acme/a=b c': { messages: { perSecond: 3 } } },
  };
  let rebuilt: PolicyDocument = {};
  for (const [scope, keys] of assignmentsOf(document)) {
    rebuilt = set(rebuilt, scope, ...[...keys].map(([key, value]) => `${key}=${value}`));
  }
  expect(rebuilt).toEqual(document);
});
