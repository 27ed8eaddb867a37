import { SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { Reader } from '../../kit/reader.ts';
import { outcomes, range, text, useCluster } from '../fixture.ts';

const cluster = useCluster();

describe.each([
  [SUBPROTOCOL_BINARY, 0],
  [SUBPROTOCOL_BINARY, 1],
  [SUBPROTOCOL_JSON, 0],
  [SUBPROTOCOL_JSON, 1],
] as const)('%s: a peer on node 0 that registers on node %i', (subprotocol, node) => {
  const name = `bob-${subprotocol}-${node}`;

  test('has one connection: the newest; the older one is closed with 4409', async () => {
    const old = await cluster.connect(0, { subprotocol });
    const first = await old.hello({ peer: name });
    const newer = await cluster.connect(node, { subprotocol, autoAck: true });
    const second = await newer.hello({ peer: name });
    expect((await old.closed).code).toBe(4409);
    expect(old.take('error')).toEqual([]);
    expect(second.epoch).toBeGreaterThan(first.epoch);
    const sender = await cluster.join(0, { peer: 'alice' });
    expect(await outcomes(sender, sender.message(name, 'to the newer'))).toEqual(['delivered']);
    expect(text((await newer.next('deliver')).payload)).toBe('to the newer');
    expect(old.take('deliver')).toEqual([]);
  });

  test('gets there what the older connection had not acknowledged, in order and before what comes next', async () => {
    const old = await cluster.join(0, { peer: `${name}-2` }, { subprotocol });
    const sender = await cluster.join(0, { peer: 'alice' });
    const ids = range(1, 20).map((number) => sender.message(`${name}-2`, String(number)));
    await old.next('deliver', ({ seq }) => seq === 20);
    old.ack(5);
    expect(await outcomes(sender, ...ids.slice(0, 5))).toEqual(ids.slice(0, 5).map(() => 'delivered'));
    const reader = cluster.keep(new Reader({ peer: `${name}-2` }));
    await reader.connect(cluster.url(node));
    const later = range(21, 40).map((number) => sender.message(`${name}-2`, String(number)));
    await reader.until(35);
    expect(reader.ids('alice')).toEqual(range(6, 40));
    expect((await old.closed).code).toBe(4409);
    const rest = await outcomes(sender, ...ids.slice(5), ...later);
    expect(rest.filter((status) => status !== 'delivered' && status !== 'queued')).toEqual([]);
  });
});
