import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { connectionBound, memoryBound } from './memory-bound.ts';

const SETTINGS = {
  maxConnections: 100,
  sendWindow: 256,
  deliveryWindow: 256,
  deliveryWindowBytes: 2 ** 20,
  messageBytes: 2 ** 26,
  outboundBytes: 2 ** 26,
  inboxBytes: 2 ** 22,
  tunnels: { perConnection: 16, heldBytes: 2 ** 24 },
};

test('is the sum of its parts', () => {
  const { total, ...parts } = memoryBound(SETTINGS);
  expect(total).toBe(Object.values(parts).reduce((sum, part) => sum + part, 0));
  expect(Object.values(parts).every((part) => Number.isInteger(part) && part > 0)).toBe(true);
});

test.each([
  ['maxConnections', 10, 'connections', 10 * connectionBound(SETTINGS)],
  ['messageBytes', 2048, 'messages', 9 * 1024],
  ['outboundBytes', 1000, 'outbound', 1000],
  ['inboxBytes', 1000, 'inbox', 16_000],
] as const)('grows with %s', (name, more, part, by) => {
  const larger = memoryBound({ ...SETTINGS, [name]: SETTINGS[name] + more });
  expect(larger[part] - memoryBound(SETTINGS)[part]).toBe(by);
});

test.each(['sendWindow', 'deliveryWindow', 'deliveryWindowBytes'] as const)(
  'a connection costs more with %s',
  (name) => {
    expect(connectionBound({ ...SETTINGS, [name]: SETTINGS[name] + 1 })).toBeGreaterThan(connectionBound(SETTINGS));
  },
);

test('grows with the tunnels', () => {
  const tunnels = { perConnection: 17, heldBytes: 2 ** 24 + 1000 };
  const larger = { ...SETTINGS, tunnels };
  expect(memoryBound(larger).tunnels - memoryBound(SETTINGS).tunnels).toBe(2000);
  expect(connectionBound(larger)).toBeGreaterThan(connectionBound(SETTINGS));
});

test('the examples in the document are right', () => {
  const document = readFileSync(new URL('../../../docs/memory.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$/gm)].map((row) =>
    row.slice(1).map(Number),
  );
  const computed = rows.map(([connections = 0, messages = 0, outbound = 0, inbox = 0, held = 0]) => {
    const [messageBytes, outboundBytes, inboxBytes, heldBytes] = [messages, outbound, inbox, held].map(
      (mib) => mib * 2 ** 20,
    );
    const bound = memoryBound({
      ...SETTINGS,
      maxConnections: connections,
      messageBytes: messageBytes as number,
      outboundBytes: outboundBytes as number,
      inboxBytes: inboxBytes as number,
      tunnels: { perConnection: 16, heldBytes: heldBytes as number },
    });
    return Math.ceil(bound.total / 2 ** 20);
  });
  expect(rows.length).toBe(3);
  expect(rows.map((row) => row[5])).toEqual(computed);
});
