/** The address of a client behind a proxy as it is found in the field. The client is 127.0.0.2, HAProxy 127.0.0.1. */
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { parseAddressRange } from '../../../services/relay/src/edge/client-address.ts';
import type { EdgeOptions } from '../../../services/relay/src/edge/server.ts';
import { type HaproxyOptions, NO_HAPROXY, startHaproxy } from '../../kit/haproxy.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { Client, start } from './start.ts';

const CLIENT = '127.0.0.2';
const SPOOFED = { 'x-forwarded-for': '1.1.1.1' };
const scope = new Scope();
afterEach(() => scope.end());

async function startBehind(proxyProtocol: boolean, haproxy: Omit<HaproxyOptions, 'relayPort'>) {
  const trustedProxies = [parseAddressRange('127.0.0.1')] as EdgeOptions['trustedProxies'];
  let checks = 0;
  const health = async () => {
    checks += 1;
    return { ready: true };
  };
  const { edge, seen } = await start(undefined, { trustedProxies, proxyProtocol, health });
  const { port } = scope.keep(await startHaproxy({ ...haproxy, relayPort: edge.port }));
  return {
    checks: () => checks,
    async address(localAddress: string, headers: Record<string, string> = {}) {
      const client = await new Client(`127.0.0.1:${port}`, undefined, { localAddress, headers }).opened();
      const address = seen.connections.at(-1)?.address;
      client.socket.terminate();
      await once(client.socket, 'close');
      return address;
    },
  };
}

describe.skipIf(NO_HAPROXY)(`behind HAProxy${NO_HAPROXY === null ? '' : `: ${NO_HAPROXY}`}`, () => {
  test("send-proxy-v2: its header tells the address, X-Forwarded-For is the client's own word", async () => {
    const server = await startBehind(true, { mode: 'tcp', server: 'send-proxy-v2' });
    expect(await server.address(CLIENT)).toBe(CLIENT);
    expect(await server.address(CLIENT, SPOOFED)).toBe(CLIENT);
  });

  test('send-proxy-v2: its checks of health, which say LOCAL, are answered', async () => {
    const check = 'send-proxy-v2 check check-send-proxy inter 50ms';
    // Its own default is HTTP/1.0, which uWebSockets.js does not speak.
    const defaults = ['option httpchk', 'http-check send meth GET uri /health ver HTTP/1.1 hdr Host relay'];
    const server = await startBehind(true, { mode: 'tcp', defaults, server: check });
    await waitFor(() => server.checks() > 2, { what: 'HAProxy has checked several times' });
    expect(await server.address(CLIENT)).toBe(CLIENT);
  });

  test('option forwardfor: the line that it adds tells the address', async () => {
    const server = await startBehind(false, { mode: 'http', defaults: ['option forwardfor'] });
    expect(await server.address(CLIENT)).toBe(CLIENT);
    expect(await server.address(CLIENT, SPOOFED)).toBe(CLIENT);
  });

  test('without either, all clients have the address of the proxy', async () => {
    const server = await startBehind(true, { mode: 'tcp' });
    expect(await server.address(CLIENT)).toBe('127.0.0.1');
  });
});
