import { expect, test } from 'vitest';
import { subjectOf } from './attempts.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002:0000:0000:0000:0000', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8::5', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['', ''],
])('attempts of the address %s count for %s', (address, subject) => {
  expect([subjectOf('connect', address), subjectOf('failed_auth', address)]).toEqual([subject, subject]);
});

test('attempts for a peer count for that peer, whatever its id looks like', () => {
  expect(subjectOf('hello', 'acme/2001:db8:1:2::5')).toBe('acme/2001:db8:1:2::5');
});
