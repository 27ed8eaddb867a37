import type { PeerId, RealmName } from '@causeway/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccessDocument, Allowed, Ban, Revocation } from './access-schema.ts';
import { parseRange } from './address-bits.ts';
import { AccessLists, NO_LISTS } from './lists.ts';

const NOW = 1_750_000_000_000;
const ACME = 'acme' as RealmName;
const OTHER = 'other' as RealmName;
const BOB = 'bob' as PeerId;
const EVE = 'eve' as PeerId;
const ADDRESS = '10.1.2.3';

type Entry<T> = T extends unknown
  ? Omit<T, 'id' | 'at' | 'reason' | 'until'> & { until?: number; at?: number; reason?: string }
  : never;

const common = { id: 'x', at: NOW - 1000, reason: 'spam', until: null };

function lists(document: {
  bans?: Entry<Ban>[];
  allow?: Entry<Allowed>[];
  revocations?: Entry<Revocation>[];
}): AccessLists {
  const complete = (entries: readonly object[] = []) => entries.map((entry) => ({ ...common, ...entry }));
  const { bans, allow, revocations } = document;
  return new AccessLists({
    bans: complete(bans),
    allow: complete(allow),
    revocations: complete(revocations),
  } as unknown as AccessDocument);
}

const refusal = (access: AccessLists, realm: RealmName | null, peer: PeerId | null, address = ADDRESS, now = NOW) =>
  access.refusal({ realm, peer, address }, now)?.reason ?? null;

describe('a ban', () => {
  test('of a peer keeps out that peer of that realm, once it is known who it is', () => {
    const access = lists({ bans: [{ kind: 'peer', realm: ACME, peer: BOB, until: NOW + 5 }] });
    expect(access.refusal({ realm: ACME, peer: BOB, address: ADDRESS }, NOW)).toEqual(
      expect.objectContaining({ reason: 'spam', until: NOW + 5 }),
    );
    expect(refusal(access, ACME, EVE)).toBeNull();
    expect(refusal(access, OTHER, BOB)).toBeNull();
    expect(refusal(access, ACME, null)).toBeNull();
  });

  test('of a realm keeps out all of it', () => {
    const access = lists({ bans: [{ kind: 'realm', realm: ACME }] });
    expect([refusal(access, ACME, BOB), refusal(access, ACME, null), refusal(access, OTHER, BOB)]).toEqual([
      'spam',
      'spam',
      null,
    ]);
  });

  test.each([
    ['10.1.2.3', ADDRESS, true],
    ['10.1.0.0/16', ADDRESS, true],
    ['10.2.0.0/16', ADDRESS, false],
    ['10.1.2.3', '::ffff:10.1.2.3', true],
    ['::ffff:10.1.0.0/112', ADDRESS, true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', 'no address', false],
  ])('of %s: does it keep out %s? %s', (range, address, banned) => {
    const access = lists({ bans: [{ kind: 'address', range }] });
    expect(refusal(access, null, null, address)).toBe(banned ? 'spam' : null);
    expect(refusal(access, ACME, BOB, address)).toBe(banned ? 'spam' : null);
  });

  test('ends by itself; another of the same peer goes on', () => {
    const access = lists({
      bans: [
        { kind: 'peer', realm: ACME, peer: BOB, until: NOW, reason: 'first' },
        { kind: 'peer', realm: ACME, peer: BOB, until: NOW + 10, reason: '' },
        { kind: 'address', range: ADDRESS, until: NOW + 20, reason: 'where' },
      ],
    });
    const at = (now: number) => refusal(access, ACME, BOB, '10.9.9.9', now);
    expect([at(NOW - 1), at(NOW), at(NOW + 9), at(NOW + 10)]).toEqual(['first', 'banned', 'banned', null]);
    expect([refusal(access, null, null, ADDRESS, NOW + 19), refusal(access, null, null, ADDRESS, NOW + 20)]).toEqual([
      'where',
      null,
    ]);
  });
});

describe('an allow list', () => {
  const NOT_PEER = 'this peer is not on the allow list of the realm';
  const NOT_ADDRESS = 'this address is not on the allow list of the realm';

  test('of peers keeps out all others of the realm, and nobody else', () => {
    const access = lists({ allow: [{ kind: 'peer', realm: ACME, peer: BOB }] });
    expect(refusal(access, ACME, BOB)).toBeNull();
    expect(refusal(access, ACME, EVE)).toBe(NOT_PEER);
    expect(refusal(access, OTHER, EVE)).toBeNull();
    expect(refusal(access, ACME, null)).toBeNull();
  });

  test('of addresses keeps out all others; with one of peers both must hold', () => {
    const access = lists({
      allow: [
        { kind: 'address', realm: ACME, range: '10.0.0.0/8' },
        { kind: 'address', realm: ACME, range: '::1' },
        { kind: 'peer', realm: ACME, peer: BOB },
      ],
    });
    expect([refusal(access, ACME, BOB), refusal(access, ACME, BOB, '::1')]).toEqual([null, null]);
    expect(refusal(access, ACME, EVE)).toBe(NOT_PEER);
    expect([refusal(access, ACME, BOB, '11.0.0.1'), refusal(access, ACME, BOB, '')]).toEqual([
      NOT_ADDRESS,
      NOT_ADDRESS,
    ]);
    expect(refusal(access, null, null, '11.0.0.1')).toBeNull();
  });

  test('does not lift a ban', () => {
    const access = lists({
      bans: [{ kind: 'peer', realm: ACME, peer: BOB }],
      allow: [{ kind: 'peer', realm: ACME, peer: BOB }],
    });
    expect(refusal(access, ACME, BOB)).toBe('spam');
  });

  test('lets nobody in when all its entries have ended', () => {
    const access = lists({
      allow: [
        { kind: 'peer', realm: ACME, peer: BOB, until: NOW },
        { kind: 'peer', realm: ACME, peer: 'carol' as PeerId, until: NOW + 10 },
      ],
    });
    const at = (peer: PeerId, now: number) => refusal(access, ACME, peer, ADDRESS, now);
    expect([at(BOB, NOW - 1), at(BOB, NOW), at(BOB, NOW + 10)]).toEqual([null, NOT_PEER, NOT_PEER]);
  });
});

describe('a revocation', () => {
  const holder = { realm: ACME, peer: BOB, token: 'jti', issuedAt: NOW };
  const revoked = (entry: Entry<Revocation>, change: Partial<typeof holder> = {}, now = NOW) =>
    lists({ revocations: [entry] }).isRevoked({ ...holder, ...change }, now);

  test('of a token voids that token, whenever it was issued', () => {
    const everywhere = { kind: 'token', token: 'jti' } as const;
    expect([revoked(everywhere), revoked(everywhere, { realm: OTHER })]).toEqual(['spam', 'spam']);
    expect([revoked(everywhere, { token: 'jti2' }), revoked(everywhere, { token: '' })]).toEqual([null, null]);
    const inRealm = { kind: 'token', token: 'jti', realm: ACME } as const;
    expect([revoked(inRealm), revoked(inRealm, { realm: OTHER })]).toEqual(['spam', null]);
  });

  test.each([
    { kind: 'peer', realm: ACME, peer: BOB },
    { kind: 'realm', realm: ACME },
  ] as const)('of a $kind voids what was issued until then, or nobody knows when', (entry) => {
    const at = NOW - 5000;
    const issued = (issuedAt: number) => revoked({ ...entry, at }, { issuedAt });
    expect([issued(0), issued(at), issued(at + 1)]).toEqual(['spam', 'spam', null]);
    expect(revoked({ ...entry, at }, { realm: OTHER, issuedAt: 0 })).toBeNull();
  });

  test('of a peer leaves the others of the realm alone', () => {
    expect(revoked({ kind: 'peer', realm: ACME, peer: EVE }, { issuedAt: 0 })).toBeNull();
  });

  test('ends by itself, and says so when it has no reason', () => {
    const entry = { kind: 'token', token: 'jti', until: NOW, reason: '' } as const;
    expect([revoked(entry, {}, NOW - 1), revoked(entry)]).toEqual(['revoked', null]);
  });
});

test('nothing is refused where there are no entries', () => {
  expect([NO_LISTS.isEmpty, lists({ bans: [{ kind: 'realm', realm: ACME }] }).isEmpty]).toEqual([true, false]);
  expect(refusal(NO_LISTS, ACME, BOB)).toBeNull();
  expect(NO_LISTS.isRevoked({ realm: ACME, peer: BOB, token: '', issuedAt: 0 }, NOW)).toBeNull();
});

test('of many ranges one is found exactly when a search of them all finds one', () => {
  const address = fc.tuple(fc.constantFrom('10.0', '2001:db8:'), fc.nat(3), fc.nat(3));
  const textOf = ([head, a, b]: [string, number, number]) =>
    head === '10.0' ? `10.0.${a}.${b}` : `2001:db8:${a}::${b}`;
  const range = fc.tuple(address, fc.nat(32)).map(([one, length]) => `${textOf(one)}/${length}`);
  fc.assert(
    fc.property(fc.array(range), address, (ranges, one) => {
      const text = textOf(one);
      const access = lists({ bans: ranges.map((each) => ({ kind: 'address', range: each })) });
      const bare = parseRange(text)?.prefix ?? 0n;
      const expected = ranges.some((each) => {
        const { prefix, length } = parseRange(each) as { prefix: bigint; length: number };
        return bare >> BigInt(128 - length) === prefix;
      });
      expect(refusal(access, null, null, text) !== null).toBe(expected);
    }),
  );
});
