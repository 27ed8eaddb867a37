import { expect, it } from 'vitest';
import { connectionBound, memoryBound } from '../../services/relay/src/memory-bound.ts';
import { describeChart, type Manifest, relayOf, render, VALUES } from './chart.ts';

const KIB = 1024;
const UNITS: Readonly<Record<string, number>> = { Mi: KIB ** 2, Gi: KIB ** 3 };
/** For one connection whose client behaves: docs/memory.md. */
const TRUSTED_BYTES = 64 * KIB;

function bytes(quantity: string): number {
  const [, digits, unit = ''] = /^(\d+)(\w+)$/.exec(quantity) ?? [];
  return Number(digits) * (UNITS[unit] ?? Number.NaN);
}

/** Bytes that the relay of a manifest may come to take. */
function needed({ env }: Manifest): number {
  const number = (name: string): number => Number(env.find((each: Manifest) => each.name === name).value);
  const settings = {
    maxConnections: number('CAUSEWAY_MAX_CONNECTIONS'),
    messageBytes: number('CAUSEWAY_MESSAGE_BYTES'),
    outboundBytes: number('CAUSEWAY_OUTBOUND_BYTES'),
    inboxBytes: number('CAUSEWAY_INBOX_BYTES'),
    tunnels: { perConnection: 16, heldBytes: number('CAUSEWAY_TUNNEL_HELD_BYTES') },
    sendWindow: 256,
    deliveryWindow: 256,
    deliveryWindowBytes: KIB ** 2,
  };
  const bound = memoryBound(settings);
  expect(bound.connections).toBe(settings.maxConnections * connectionBound(settings));
  return bound.total - bound.connections + settings.maxConnections * TRUSTED_BYTES;
}

describeChart('the memory of a pod', () => {
  it.each(Object.keys(VALUES).filter((name) => name !== 'everything'))(
    'is what docs/memory.md says it needs, with %s',
    async (name) => {
      const relay = relayOf(await render({ files: [name] }));
      const limit = bytes(relay.resources.limits.memory);
      expect(limit).toBeGreaterThanOrEqual(needed(relay));
      expect(relay.resources.requests.memory).toBe(relay.resources.limits.memory);
    },
  );
});
