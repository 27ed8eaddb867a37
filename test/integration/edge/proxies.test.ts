/** Which address a client has, as told by the socket, by a PROXY header and by X-Forwarded-For. */
import { describe, expect, test } from 'vitest';
import { parseAddressRange } from '../../../services/relay/src/edge/client-address.ts';
import type { EdgeOptions } from '../../../services/relay/src/edge/server.ts';
import {
  COMMAND,
  converse,
  FAMILY,
  fromV4,
  fromV6,
  getRequest,
  header,
  UPGRADED,
  upgradeRequest,
} from './proxy-header.ts';
import { start } from './start.ts';

const V4 = '203.0.113.9';
const V6 = '20010db8000000000000000000000009';

async function startBehind(trusted: string[], proxyProtocol: boolean) {
  const trustedProxies = trusted.map(parseAddressRange) as EdgeOptions['trustedProxies'];
  const { edge, seen } = await start(undefined, { trustedProxies, proxyProtocol });
  return {
    seen,
    /** What the relay answers, and the address of the connection that came of it. */
    async send(...pieces: Uint8Array[]): Promise<[answer: string, address: string | undefined]> {
      const before = seen.connections.length;
      const answer = await converse(edge.port, pieces);
      return [answer, seen.connections[before]?.address];
    },
  };
}

async function addressOf(server: Awaited<ReturnType<typeof startBehind>>, ...pieces: Uint8Array[]) {
  const [answer, address] = await server.send(...pieces);
  expect(answer).toContain(UPGRADED);
  return address;
}

const forwardedFor = (value: string) => `X-Forwarded-For: ${value}`;

describe('X-Forwarded-For', () => {
  test('counts from a trusted proxy, to the right-most address that is not trusted', async () => {
    const server = await startBehind(['127.0.0.0/8', '10.0.0.0/8'], false);
    expect(await addressOf(server, upgradeRequest())).toBe('127.0.0.1');
    expect(await addressOf(server, upgradeRequest(forwardedFor(V4)))).toBe(V4);
    expect(await addressOf(server, upgradeRequest(forwardedFor(`1.1.1.1, ${V4}, 10.0.0.9`)))).toBe(V4);
    expect(await addressOf(server, upgradeRequest(forwardedFor('2001:DB8::9')))).toBe('2001:db8::9');
    expect(await addressOf(server, upgradeRequest(forwardedFor(`${V4}, nonsense, 10.0.0.9`)))).toBe('10.0.0.9');
  });

  test('a line that the proxy adds goes before what the client sent itself', async () => {
    const server = await startBehind(['127.0.0.1'], false);
    expect(await addressOf(server, upgradeRequest(forwardedFor('1.1.1.1'), forwardedFor(V4)))).toBe(V4);
  });

  test.each([{ trusted: [] }, { trusted: ['10.0.0.0/8', '::1'] }])(
    'counts for nothing from another remote: $trusted',
    async ({ trusted }) => {
      const server = await startBehind(trusted, false);
      expect(await addressOf(server, upgradeRequest(forwardedFor(V4)))).toBe('127.0.0.1');
    },
  );
});

describe('PROXY header', () => {
  test('of a trusted proxy tells the address, IPv4 or IPv6, whole or in pieces', async () => {
    const server = await startBehind(['127.0.0.1'], true);
    const v4 = fromV4(V4);
    expect(await addressOf(server, Buffer.concat([v4, upgradeRequest()]))).toBe(V4);
    expect(await addressOf(server, fromV6(V6), upgradeRequest())).toBe('2001:db8::9');
    const pieces = [v4.subarray(0, 3), v4.subarray(3, 20), v4.subarray(20), upgradeRequest()];
    expect(await addressOf(server, ...pieces)).toBe(V4);
  });

  test('goes before X-Forwarded-For, unless it names another trusted proxy', async () => {
    const server = await startBehind(['127.0.0.1', '192.0.2.0/24'], true);
    const request = upgradeRequest(forwardedFor('198.51.100.1'));
    expect(await addressOf(server, fromV4(V4), request)).toBe(V4);
    expect(await addressOf(server, fromV4('192.0.2.1'), request)).toBe('198.51.100.1');
  });

  test("LOCAL, as a proxy's own checks have it, and no header at all: the proxy's address", async () => {
    const server = await startBehind(['127.0.0.1'], true);
    expect(await addressOf(server, header(COMMAND.local, FAMILY.unspecified), upgradeRequest())).toBe('127.0.0.1');
    expect(await addressOf(server, upgradeRequest())).toBe('127.0.0.1');
  });

  test('counts for nothing from a remote that is not trusted, or where none is expected', async () => {
    for (const server of [await startBehind(['10.0.0.1'], true), await startBehind(['127.0.0.1'], false)]) {
      expect(await addressOf(server, fromV4(V4), upgradeRequest())).toBe('127.0.0.1');
    }
  });

  test('cut short, of another version or family, or too long: no connection comes of it', async () => {
    const server = await startBehind(['127.0.0.1'], true);
    const v1 = Buffer.from(`PROXY TCP4 ${V4} 127.0.0.1 1 2\r\n`);
    const version1 = fromV4(V4);
    version1[12] = 0x11;
    const bad = [
      fromV4(V4).subarray(0, 20),
      v1,
      version1,
      header(COMMAND.proxy, FAMILY.unix, Buffer.alloc(216, 1)),
      header(COMMAND.proxy, FAMILY.tcp4, Buffer.alloc(300)),
    ];
    const results = await Promise.all(bad.map((start) => server.send(start, upgradeRequest())));
    expect(results.map(([answer]) => answer.includes(UPGRADED))).toEqual(bad.map(() => false));
    expect(server.seen.connections).toHaveLength(0);
  });
});

describe('a client behind a proxy that sends the header cannot send another one', () => {
  const forged = Buffer.concat([fromV4('1.1.1.1'), upgradeRequest()]);

  test.each([
    ['in front of its first request', [Buffer.concat([fromV4(V4), forged])]],
    ['behind a request, in the same segment', [Buffer.concat([fromV4(V4), getRequest('/'), forged])]],
    ['behind a request', [Buffer.concat([fromV4(V4), getRequest('/')]), forged]],
    ['behind a request for something else', [Buffer.concat([fromV4(V4), getRequest('/x'), forged]), forged]],
    ['behind a request that waits for its answer', [Buffer.concat([fromV4(V4), getRequest('/health'), forged])]],
    ['behind a check of health', [Buffer.concat([fromV4(V4), getRequest('/health')]), forged]],
    ['behind an upgrade that is refused', [Buffer.concat([fromV4(V4), upgradeRequest('Origin: http://evil'), forged])]],
    ['within a request', [fromV4(V4), upgradeRequest().subarray(0, 30), forged]],
  ])('%s', async (_name, pieces) => {
    const trustedProxies = [parseAddressRange('127.0.0.1')] as EdgeOptions['trustedProxies'];
    const { edge, seen } = await start(undefined, { trustedProxies, proxyProtocol: true, origins: ['http://good'] });
    expect(await converse(edge.port, pieces)).not.toContain(UPGRADED);
    expect(seen.connections).toHaveLength(0);
  });
});
