import { describe, expect, test } from 'vitest';
import { type AddressRange, addressText, ClientAddresses, normalAddress, parseAddressRange } from './client-address.ts';

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
])('the socket address %s reads %s', (raw, text) => {
  expect(addressText(new TextEncoder().encode(raw).buffer as ArrayBuffer)).toBe(text);
});

test.each(['', 'localhost', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.1.1.1', 'fe80::1%eth0', ':::', '1.2.3.4 '])(
  '%j is no address',
  (text) => {
    expect(normalAddress(text)).toBeNull();
  },
);

test.each([
  ['10.0.0.1', { address: '10.0.0.1', family: 'ipv4', prefix: 32 }],
  ['10.0.0.0/8', { address: '10.0.0.0', family: 'ipv4', prefix: 8 }],
  ['0.0.0.0/0', { address: '0.0.0.0', family: 'ipv4', prefix: 0 }],
  ['2001:DB8::/32', { address: '2001:db8::', family: 'ipv6', prefix: 32 }],
  ['::1', { address: '::1', family: 'ipv6', prefix: 128 }],
])('%s is a range', (text, range) => {
  expect(parseAddressRange(text)).toEqual(range);
});

test.each(['', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0/8', '::ffff:10.0.0.0/104', 'proxy', '*'])(
  '%j is none',
  (text) => {
    expect(parseAddressRange(text)).toBeNull();
  },
);

function ranges(...texts: string[]): AddressRange[] {
  return texts.map((text) => parseAddressRange(text) as AddressRange);
}

const TRUSTED = ranges('10.0.0.0/8', '192.0.2.7', 'fd00::/8');

describe('X-Forwarded-For', () => {
  const addresses = new ClientAddresses(TRUSTED, false);
  const forwarded = (remote: string, ...lines: string[]) =>
    addresses.resolve(remote, {
      proxied: () => {
        throw new Error('a PROXY header is not expected');
      },
      forwardedFor: () => lines,
    });

  test.each([
    ['one entry', '10.0.0.1', ['203.0.113.9'], '203.0.113.9'],
    ['IPv6 remote and client', 'fd00::1', ['2001:0DB8::9'], '2001:db8::9'],
    ['what the client said before the proxy is ignored', '10.0.0.1', ['1.1.1.1, 203.0.113.9'], '203.0.113.9'],
    ['also in lines of its own', '10.0.0.1', ['1.1.1.1', '203.0.113.9'], '203.0.113.9'],
    ['trusted entries are passed over', '10.0.0.1', ['203.0.113.9,192.0.2.7, 10.9.9.9'], '203.0.113.9'],
    ['all are trusted', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['garbage ends it', '10.0.0.1', ['203.0.113.9, unknown, 10.0.0.2'], '10.0.0.2'],
    ['an empty entry ends it', '10.0.0.1', ['203.0.113.9,'], '10.0.0.1'],
    ['an empty header', '10.0.0.1', [''], '10.0.0.1'],
    ['no header', '10.0.0.1', [], '10.0.0.1'],
    ['mapped IPv4', '10.0.0.1', ['::ffff:203.0.113.9, ::ffff:10.0.0.2'], '203.0.113.9'],
    ['with ports', '10.0.0.1', ['[2001:db8::1]:80, 10.0.0.2:443'], '2001:db8::1'],
  ])('%s', (_name, remote, lines, address) => {
    expect(forwarded(remote, ...lines)).toBe(address);
  });

  test('is not even asked for where the remote is not trusted, or nobody is', () => {
    const word = {
      proxied: () => {
        throw new Error('asked');
      },
      forwardedFor: () => {
        throw new Error('asked');
      },
    };
    expect(new ClientAddresses(TRUSTED, true).resolve('203.0.113.1', word)).toBe('203.0.113.1');
    expect(new ClientAddresses([], true).resolve('10.0.0.1', word)).toBe('10.0.0.1');
  });
});

describe('PROXY header', () => {
  const addresses = new ClientAddresses(TRUSTED, true);
  const resolve = (proxied: string | null, ...lines: string[]) =>
    addresses.resolve('10.0.0.1', { proxied: () => proxied, forwardedFor: () => lines });

  test('goes before X-Forwarded-For, which came from the client then', () => {
    expect(resolve('203.0.113.9', '1.1.1.1')).toBe('203.0.113.9');
  });

  test('names a proxy that is trusted as well, whose X-Forwarded-For counts', () => {
    expect(resolve('192.0.2.7', '1.1.1.1, 203.0.113.9')).toBe('203.0.113.9');
  });

  test('is missing', () => {
    expect(resolve(null)).toBe('10.0.0.1');
  });

  test('is IPv6, or IPv4 as IPv6', () => {
    expect(resolve('2001:0db8:0000:0000:0000:0000:0000:0001')).toBe('2001:db8::1');
    expect(resolve('0000:0000:0000:0000:0000:ffff:cb00:7109')).toBe('203.0.113.9');
  });
});
