import { expect, test } from 'vitest';
import { Flow } from '../../kit/flow.ts';
import { Reader } from '../../kit/reader.ts';
import { tunnelBetween } from '../../kit/tunnel-peer.ts';
import { numbered, range } from '../fixture.ts';
import { expectIntact, MIB, useRelays } from './fixture.ts';

const MESSAGES = 1500;
const FLOWS = 4;
const TUNNELS = 4;

const servers = useRelays(true);

test('messages between two relays, beside tunnels that are always full, all arrive in order', async () => {
  const alice = await servers.join(0, { peer: 'alice' }, { seeds: [1, 2] });
  const bob = await servers.join(1, { peer: 'bob' }, { seeds: [2, 1] });
  const pairs = [];
  for (const _ of range(1, TUNNELS)) pairs.push(await tunnelBetween(alice, bob, 'bob'));
  let isOver = false;
  const bulk = pairs.map(async ([from, to]) => {
    while (!isOver) await from.send(MIB);
    await to.untilReceived(from.sent);
    expectIntact(from, to);
    expect(from.sent).toBeGreaterThan(MIB);
  });
  const flows = range(1, FLOWS).map(async (index) => {
    const reader = servers.keep(new Reader({ peer: `reader-${index}` }));
    await reader.connect(servers.relay(1).url);
    const [from, to] = [`writer-${index}`, `reader-${index}`];
    const flow = new Flow({ url: servers.relay(0).url, from, to, payloads: numbered(MESSAGES), window: 16 });
    await servers.keep(flow).start();
    await flow.finish();
    await reader.until(MESSAGES);
    expect(reader.ids(from)).toEqual(range(1, MESSAGES));
    expect([reader.duplicates, reader.faults, flow.faults, flow.refusals]).toEqual([0, [], [], 0]);
    expect(flow.count('delivered')).toBe(MESSAGES);
  });
  await Promise.all(flows);
  isOver = true;
  await Promise.all(bulk);
});
