import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';

const RANGE = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/;
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;
/** Some proxies add the client's port. */
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([^\]]+)\])(?::\d{1,5})?$/;
const FORWARDED_FOR = 'x-forwarded-for';

/** All addresses whose first `prefix` bits are those of `address`. */
export interface AddressRange {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly prefix: number;
}

/** An address, or a range in CIDR notation; null for anything else, and for IPv4 written as IPv6. */
export function parseAddressRange(text: string): AddressRange | null {
  const [, written = '', bits] = RANGE.exec(text) ?? [];
  const address = normalAddress(written);
  if (address === null) return null;
  const isV4 = isIPv4(address);
  if (isV4 !== isIPv4(written)) return null;
  const most = isV4 ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  return prefix <= most ? { address, family: isV4 ? 'ipv4' : 'ipv6', prefix } : null;
}

/**
 * The one form of an address: IPv4 in dots, also where it was written as IPv6, and IPv6 as RFC 5952 has it. Null for
 * what is no address.
 */
export function normalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  if (isIP(text) === 0 || text.includes('%')) return null;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return MAPPED_IPV4.exec(address)?.[1] ?? address;
}

/** What proxies in front of the relay say of a client; asked only where they are trusted. */
export interface ProxyWord {
  /** Out of a PROXY header, null without one. */
  proxied(): string | null;
  /** The lines of X-Forwarded-For in their order. */
  forwardedFor(): readonly string[];
}

/**
 * Tells a client's address: that of the socket, unless a trusted proxy holds the other end. A proxy's word is believed,
 * and whoever it names is believed in turn if trusted as well, up to the first who is not. What such a one says of
 * others counts for nothing, so no client can name its own address.
 */
export class ClientAddresses {
  readonly #trusted: BlockList | null;
  readonly #proxyProtocol: boolean;

  /** @param proxyProtocol whether trusted proxies begin their connections with a PROXY header */
  constructor(trusted: readonly AddressRange[], proxyProtocol: boolean) {
    this.#trusted = trusted.length === 0 ? null : blockList(trusted);
    this.#proxyProtocol = proxyProtocol;
  }

  /** @param remote of the socket, in its normal form */
  resolve(remote: string, word: ProxyWord): string {
    if (!this.#isTrusted(remote)) return remote;
    const told = this.#proxyProtocol ? word.proxied() : null;
    const nearest = (told === null ? null : normalAddress(told)) ?? remote;
    return this.#isTrusted(nearest) ? this.#beyond(nearest, word.forwardedFor()) : nearest;
  }

  /** Each proxy appends who it was spoken to by. */
  #beyond(nearest: string, lines: readonly string[]): string {
    let last = nearest;
    for (const entry of lines.join(',').split(',').reverse()) {
      const address = entryAddress(entry.trim());
      if (address === null) return last;
      if (!this.#isTrusted(address)) return address;
      last = address;
    }
    return last;
  }

  #isTrusted(address: string): boolean {
    return this.#trusted?.check(address, isIPv4(address) ? 'ipv4' : 'ipv6') ?? false;
  }
}

function blockList(ranges: readonly AddressRange[]): BlockList {
  const list = new BlockList();
  for (const { address, prefix, family } of ranges) list.addSubnet(address, prefix, family);
  return list;
}

function entryAddress(entry: string): string | null {
  const [, v4, v6] = WITH_PORT.exec(entry) ?? [];
  return normalAddress(v4 ?? v6 ?? entry);
}

/** The client's address at its upgrade. */
export function clientAddress(addresses: ClientAddresses, response: HttpResponse, request: HttpRequest): string {
  return addresses.resolve(addressText(response.getRemoteAddressAsText()), {
    proxied: () => Buffer.from(response.getProxiedRemoteAddressAsText()).toString('latin1') || null,
    forwardedFor() {
      const lines: string[] = [];
      // `getHeader` gives the first line only, which is the client's own where a proxy adds a line of its own.
      request.forEach((name, value) => {
        if (name === FORWARDED_FOR) lines.push(value);
      });
      return lines;
    },
  });
}

/** A socket's address in its normal form. */
export function addressText(raw: ArrayBuffer): string {
  const text = Buffer.from(raw).toString('latin1');
  return normalAddress(text) ?? text;
}
