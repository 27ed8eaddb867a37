import { describe, expect, test } from 'vitest';
import { AdminTokens, mayAct, ROLES } from './tokens.ts';

const tokens = new AdminTokens([
  { role: 'operate', token: 'both' },
  { role: 'read', token: 'both' },
  { role: 'admin', token: 'a-much-longer-one:with=signs' },
]);

describe('a header', () => {
  test.each([
    ['Bearer both', 'operate'],
    ['bearer  both ', 'operate'],
    ['Bearer a-much-longer-one:with=signs', 'admin'],
    ['Bearer bot', null],
    ['Bearer both2', null],
    ['Bearer both both', null],
    ['Bearer ', null],
    ['both', null],
    ['Basic both', null],
    ['', null],
    [undefined, null],
  ])('%j is of the role %j', (header, role) => {
    expect(tokens.operator(header)?.role ?? null).toBe(role);
  });

  test('names its token by the end of its digest, and by nothing else', () => {
    // The end of: printf both | sha256sum
    expect(tokens.operator('Bearer both')).toEqual({ role: 'operate', name: 'operate:2d2e39' });
  });

  test('is of none where there are no tokens', () => {
    const none = new AdminTokens([]);
    expect([none.isEmpty, none.operator('Bearer x'), tokens.isEmpty]).toEqual([true, null, false]);
  });
});

test('a role may do what those below it may', () => {
  const allowed = ROLES.map((role) => ROLES.filter((needed) => mayAct(role, needed)));
  expect(allowed).toEqual([['read'], ['read', 'operate'], ['read', 'operate', 'admin']]);
});
