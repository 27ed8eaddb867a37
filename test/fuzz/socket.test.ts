import { expect, test } from 'vitest';
import { complaints } from '../kit/observe.ts';
import { joinPeer } from '../kit/peer.ts';
import { startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { FUZZED_RELAY, fuzzSockets } from './sockets.ts';

const INPUTS = 3000;
const SEED = 20_260_101;
/** Of what is said some is about tunnels that are open. */
const LEAST_TUNNELS = 50;

test('a relay serves others and keeps nothing, whatever clients say', async () => {
  const scope = new Scope();
  try {
    const relay = scope.keep(await startRelay({ env: FUZZED_RELAY }));
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async (peer) => scope.keep(await joinPeer({ url: relay.url, autoAck: true }, { peer }))),
    );
    const connections = await fuzzSockets(relay.url, INPUTS, SEED);
    const id = alice?.message('bob', 'still there?');
    expect(await bob?.next('deliver')).toMatchObject({ id, from: 'alice' });
    expect((await alice?.next('receipt'))?.receipts).toEqual([{ id, status: 1 }]);
    await waitFor(async () => (await relay.metrics()).value('causeway_connections') === 2, {
      what: 'only two are left',
    });
    const metrics = await relay.metrics();
    const value = (name: string): number => metrics.value(`causeway_${name}`);
    expect([value('registrations'), value('pending_sends'), value('watched_peers')]).toEqual([2, 0, 0]);
    expect([value('tunnel_ends'), value('tunnel_waiting_bytes')]).toEqual([0, 0]);
    expect(metrics.value('causeway_tunnels_opened_total', { kind: 'peer' })).toBeGreaterThan(LEAST_TUNNELS);
    expect([value('connections_opened_total'), value('connections_closed_total')]).toEqual([
      connections + 2,
      connections,
    ]);
    expect(complaints(relay)).toEqual([]);
    expect(await relay.stop()).toBe(0);
  } finally {
    await scope.end();
  }
});
