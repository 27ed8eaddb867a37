import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressBits, parseRange, prefixOf } from './address-bits.ts';

function contains(range: string, address: string): boolean {
  const parsed = parseRange(range);
  const bits = addressBits(address);
  if (parsed === null || bits === null) throw new Error(`${range} or ${address} cannot be read`);
  return prefixOf(bits, parsed.length) === parsed.prefix;
}

const family = (address: string) => (isIPv4(address) ? 'ipv4' : 'ipv6');

/** Addresses that share a beginning often enough. */
const v4 = fc.tuple(fc.constantFrom(10, 192), fc.nat(3), fc.nat(255), fc.nat(255)).map((bytes) => bytes.join('.'));
const v6 = fc.oneof(
  fc.ipV6(),
  fc.tuple(fc.constantFrom('2001:db8', 'fe80'), fc.nat(3)).map(([head, last]) => `${head}::${last}`),
);

describe('a range holds the same addresses as in Node', () => {
  test.each([
    ['IPv4', v4, 32],
    ['IPv6', v6, 128],
  ] as const)('%s', (_, addresses, most) => {
    fc.assert(
      fc.property(addresses, addresses, fc.nat(most), (base, address, length) => {
        const list = new BlockList();
        list.addSubnet(base, length, family(base));
        expect(contains(`${base}/${length}`, address)).toBe(list.check(address, family(address)));
        expect(contains(`${base}/${length}`, base)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

test.each([
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::FFFF:0a01:0203', '10.1.2.3'],
  ['0000:0000:0000:0000:0000:ffff:0a01:0203', '10.1.2.3'],
  ['::', '0:0:0:0:0:0:0:0'],
  ['::1', '0000:0000:0000:0000:0000:0000:0000:0001'],
  ['2001:DB8::', '2001:db8:0:0:0:0:0:0'],
  ['64:ff9b::10.1.2.3', '64:ff9b::a01:203'],
  ['fe80::1%eth0', 'fe80::1'],
])('%s is the same address as %s', (one, other) => {
  expect(addressBits(one)).toBe(addressBits(other));
  expect(addressBits(one)).not.toBeNull();
});

test('a range of IPv4 in IPv6 holds IPv4 addresses', () => {
  expect(contains('::ffff:10.0.0.0/104', '10.200.3.4')).toBe(true);
  expect(contains('10.0.0.0/8', '::ffff:10.200.3.4')).toBe(true);
  expect(contains('::/0', '10.0.0.1')).toBe(true);
  expect(contains('0.0.0.0/0', '2001:db8::1')).toBe(false);
});

test.each([
  '',
  'x',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4/33',
  '::/129',
  '1.2.3.4/',
  '1.2.3.4/a',
  '1.2.3.4/8/8',
  'fe80::1%e/64',
  '1.2.3.4/-1',
  ' ::1',
])('%j is no range', (text) => {
  expect(parseRange(text)).toBeNull();
});
