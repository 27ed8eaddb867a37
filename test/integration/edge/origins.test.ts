/** Which web pages may connect to a relay. */
import { SUBPROTOCOL_JSON } from '@causeway/protocol';
import { ExitCode } from '@causeway/service-kit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectPeer, UpgradeRefused } from '../../kit/peer.ts';
import { type Relay, runRelay, startRelay } from '../../kit/relay.ts';

const ORIGINS = 'https://app.example.com, https://*.example.org:8443, HTTP://LOCALHOST:80';
let relay: Relay;
beforeAll(async () => {
  relay = await startRelay({ env: { CAUSEWAY_ORIGINS: ORIGINS } });
});
afterAll(() => relay.stop());

async function refusals(): Promise<number> {
  return (await relay.metrics()).value('causeway_drops_total', { reason: 'origin_refused' });
}

test.each([
  'https://app.example.com',
  'https://APP.EXAMPLE.COM:443',
  'https://a.b.example.org:8443',
  'http://localhost',
])('pages of %s may', async (origin) => {
  const peer = await connectPeer({ url: relay.url, headers: { origin } });
  await peer.hello({ peer: 'page' });
  await peer.close();
  expect(await refusals()).toBe(0);
});

test('what is no web page may', async () => {
  const peer = await connectPeer({ url: relay.url });
  await peer.hello({ peer: 'program' });
  await peer.close();
  expect(await refusals()).toBe(0);
});

test('pages of other origins are refused with the reason, and counted', async () => {
  const others = ['http://app.example.com', 'https://example.org:8443', 'https://app.example.com.evil.example', 'null'];
  for (const [index, origin] of others.entries()) {
    const refused = await connectPeer({ url: relay.url, subprotocol: SUBPROTOCOL_JSON, headers: { origin } }).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(UpgradeRefused);
    const { status, body } = refused as UpgradeRefused;
    expect([status, JSON.parse(body)]).toEqual([403, { error: 'pages of this origin may not connect', origin }]);
    expect(await refusals()).toBe(index + 1);
  }
  expect((await relay.metrics()).value('causeway_connections')).toBe(0);
});

test('health and the description are for all', async () => {
  const response = await fetch(`http://127.0.0.1:${relay.port}/health`, {
    headers: { origin: 'https://evil.example' },
  });
  expect(response.status).toBe(200);
});

test('a list with a mistake in it is a problem of the configuration', async () => {
  const { code, output } = await runRelay({
    env: { CAUSEWAY_ORIGINS: 'https://good.example, https://bad.example/path' },
  });
  expect(code).toBe(ExitCode.badConfig);
  expect(output).toContain('"https://bad.example/path" is no origin');
});
