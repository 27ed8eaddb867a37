import { isIP } from 'node:net';

const BITS = 128;
const IPV4_BITS = 32;
/** IPv4 in IPv6: ::ffff:a.b.c.d. */
const MAPPED = 0xffffn << 32n;

/** Addresses that begin with the same bits: those of `prefix`, `length` of them. */
export interface AddressRange {
  readonly prefix: bigint;
  readonly length: number;
}

/** An IPv4 or IPv6 address as 128 bits, the former as its form in the latter; null for what is none. */
export function addressBits(address: string): bigint | null {
  const zone = address.indexOf('%');
  const bare = zone === -1 ? address : address.slice(0, zone);
  switch (isIP(bare)) {
    case 4:
      return MAPPED | ipv4Bits(bare);
    case 6:
      return ipv6Bits(bare);
    default:
      return null;
  }
}

/** The first bits, as `AddressRange` has them. */
export function prefixOf(bits: bigint, length: number): bigint {
  return bits >> BigInt(BITS - length);
}

/** An address or `<address>/<bits>`, where bits behind the prefix do not count; null for what is none. */
export function parseRange(text: string): AddressRange | null {
  const [address = '', suffix, ...more] = text.split('/');
  const bits = address.includes('%') ? null : addressBits(address);
  if (bits === null || more.length > 0) return null;
  if (suffix === undefined) return { prefix: bits, length: BITS };
  if (!/^\d{1,3}$/.test(suffix)) return null;
  const length = Number(suffix) + (isIP(address) === 4 ? BITS - IPV4_BITS : 0);
  return length > BITS ? null : { prefix: prefixOf(bits, length), length };
}

function ipv4Bits(address: string): bigint {
  return BigInt(address.split('.').reduce((bits, byte) => bits * 256 + Number(byte), 0));
}

function ipv6Bits(address: string): bigint {
  const dot = address.indexOf('.');
  const tail = dot === -1 ? -1 : address.lastIndexOf(':') + 1;
  const [head = '', rest] = (tail === -1 ? address : `${address.slice(0, tail)}0:0`).split('::');
  const before = groupsOf(head);
  const after = groupsOf(rest ?? '');
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  const hex = [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
  const bits = BigInt(`0x${hex}`);
  return tail === -1 ? bits : bits | ipv4Bits(address.slice(tail));
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
