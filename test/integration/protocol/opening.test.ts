import { encodeFrame, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { connectPeer, UpgradeRefused } from '../../kit/peer.ts';
import { startRelay } from '../../kit/relay.ts';
import { waitFor } from '../../kit/wait.ts';
import { ending, outcomes, text, useCluster } from '../fixture.ts';

const MAX_CONNECTIONS = 3;
const cluster = useCluster({
  env: {
    CAUSEWAY_HELLO_TIMEOUT_MS: '300',
    CAUSEWAY_HEARTBEAT_MS: '200',
    CAUSEWAY_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
    CAUSEWAY_REGION: 'test-1',
  },
});

/** Each test ends with no connection open, so that the next one has room for its own. */
async function untilEmpty(): Promise<void> {
  await waitFor(async () => (await cluster.total('causeway_connections')) === 0, { what: 'all connections are gone' });
}

describe.each([SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON] as const)('%s', (subprotocol) => {
  test('WELCOME tells what holds for the connection', async () => {
    await untilEmpty();
    const peer = await cluster.connect(0, { subprotocol });
    const welcome = await peer.hello({ peer: `new-${subprotocol}`, realm: 'some.realm' });
    const { node } = (await (await fetch(cluster.url(0).replace('ws', 'http'))).json()) as { node: string };
    expect(welcome).toMatchObject({
      peer: `new-${subprotocol}`,
      realm: 'some.realm',
      node,
      region: 'test-1',
      heartbeatMs: 200,
      maxPayload: 65_536,
      sendWindow: 256,
      queued: 0,
      reservation: { ttlMs: 3_600_000, renewed: false, limits: {} },
    });
    expect(welcome.epoch).toBeGreaterThan(0);
    expect(welcome.reservation.expiresAt - welcome.serverTime).toBeGreaterThan(3_000_000);
    const anonymous = await cluster.connect(0, { subprotocol });
    expect((await anonymous.hello()).peer).toMatch(/^[0-9a-f]{32}$/);
  });

  test('another version is not supported', async () => {
    await untilEmpty();
    const peer = await cluster.connect(0, { subprotocol });
    peer.sendHello({ v: 2 });
    expect(await ending(peer)).toEqual(['unsupported_version', 4400]);
    const strange = await cluster.connect(0, { subprotocol });
    // {"v": 2, "peer": 7}: nothing but the version counts.
    if (subprotocol === SUBPROTOCOL_JSON) strange.sendRaw('{"type":"hello","v":2,"peer":7}');
    else strange.sendRaw(Buffer.from('0100000aa2617602647065657207', 'hex'));
    expect(await ending(strange)).toEqual(['unsupported_version', 4400]);
  });

  test('schemes that the realm does not take are refused', async () => {
    await untilEmpty();
    const peer = await cluster.connect(0, { subprotocol });
    peer.sendHello({ peer: 'alice', auth: { scheme: 'token', token: 'x' } });
    expect(await ending(peer)).toEqual(['unauthorized', 4401]);
  });

  test('without a HELLO in time the connection ends, with one it does not', async () => {
    await untilEmpty();
    const [late, quiet] = [await cluster.connect(0, { subprotocol }), await cluster.connect(0, { subprotocol })];
    await quiet.hello({ peer: 'quiet' });
    late.send({ type: 'ping', data: new Uint8Array(8) });
    expect(await ending(late)).toEqual(['timeout', 4008]);
    quiet.send({ type: 'ping', data: new Uint8Array(8) });
    await quiet.next('pong');
  });

  test('a peer that gives no sign of life for two heartbeats is closed, one that does is not', async () => {
    await untilEmpty();
    const closed = () => cluster.total('causeway_connections_closed_total', { code: '4008' });
    const [dead, alive] = [
      await cluster.join(0, { peer: 'dead' }, { subprotocol }),
      await cluster.join(0, { peer: 'alive' }, { subprotocol }),
    ];
    const before = await closed();
    // It sees no ping, so it sends no pong.
    dead.pauseReading();
    await waitFor(async () => (await closed()) > before, { what: 'the silent peer is closed' });
    dead.resumeReading();
    expect(await ending(dead)).toEqual(['timeout', 4008]);
    expect((await closed()) - before).toBe(1);
    const id = alive.message('dead', 'gone?');
    expect(await outcomes(alive, id)).toEqual(['queued']);
    const back = await cluster.join(1, { peer: 'dead' }, { subprotocol });
    expect(text((await back.next('deliver')).payload)).toBe('gone?');
    back.ack(1);
    await back.close();
  });

  test('a full server says so, and takes clients again when others have gone', async () => {
    await untilEmpty();
    const first = await Promise.all(
      Array.from({ length: MAX_CONNECTIONS }, (_, index) => cluster.join(0, { peer: `p${index}` }, { subprotocol })),
    );
    const turnedAway = await cluster.connect(0, { subprotocol });
    const { code, retryAfterMs } = await turnedAway.next('error');
    expect([code, (await turnedAway.closed).code]).toEqual(['server_full', 4029]);
    expect(retryAfterMs).toBeGreaterThan(0);
    const reason = await waitFor(
      async () => {
        const health = await fetch(`${cluster.url(0).replace('ws', 'http')}/health`);
        return health.status === 503 && (await health.text());
      },
      { what: 'the node is not ready' },
    );
    expect(reason).toContain(`all ${MAX_CONNECTIONS} connections are taken`);
    // The other node has room.
    await (await cluster.join(1, { peer: 'elsewhere' }, { subprotocol })).close();
    await first[0]?.close();
    await waitFor(async () => (await cluster.total('causeway_connections')) < MAX_CONNECTIONS, {
      what: 'there is room',
    });
    await cluster.join(0, { peer: 'p3' }, { subprotocol });
  });
});

test('an upgrade without a subprotocol of ours is refused with the reason', async () => {
  const options = { url: cluster.url(0), subprotocol: 'causeway.v9' as typeof SUBPROTOCOL_BINARY };
  const refused = await connectPeer(options).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UpgradeRefused);
  expect(refused).toMatchObject({ status: 400, body: expect.stringContaining('causeway.v1.json') });
});

test('a relay for certain realms does not serve others', async () => {
  const relay = cluster.keep(await startRelay({ env: { CAUSEWAY_REALMS: 'north,south' } }));
  const north = cluster.keep(await connectPeer({ url: relay.url }));
  await north.hello({ realm: 'north' });
  const west = cluster.keep(await connectPeer({ url: relay.url }));
  west.sendRaw(encodeFrame({ type: 'hello', v: 1, realm: 'west' as never }));
  expect(await ending(west)).toEqual(['forbidden', 4403]);
});
