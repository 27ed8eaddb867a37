import type { NodeId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { createEmbeddedStore } from '../embedded/store.ts';
import type { UsageBooks } from './shared-ports.ts';
import { noUsage } from './usage-account.ts';
import { MOST_HOURS, readUsage } from './usage-report.ts';

const HOUR_MS = 3_600_000;
const NODE = 'n' as NodeId;
let sequence = 0;

async function add(books: UsageBooks, realm: string, hour: number, peers: readonly string[] = []): Promise<void> {
  const usage = { ...noUsage(), messagesIn: 1 };
  const writer = { node: NODE, sequence: ++sequence };
  await books.add(realm as RealmName, hour, writer, usage, new Map(peers.map((peer) => [peer, usage])), HOUR_MS);
}

const all = { realm: null, byPeer: false };

test('the hours of the range, in order of hour, realm and peer', async () => {
  const { usage: books } = createEmbeddedStore();
  await add(books, 'b', 11, ['z', 'a']);
  await add(books, 'a', 11);
  await add(books, 'b', 10);
  await add(books, 'b', 12);
  const read = async (from: number, to: number, more: Partial<Parameters<typeof readUsage>[1]> = {}) => {
    const report = await readUsage(books, { ...all, from, to, ...more });
    return 'records' in report ? report.records.map(({ realm, hour, peer }) => `${hour} ${realm} ${peer}`) : report;
  };
  expect(await read(10, 12)).toEqual(['10 b null', '11 a null', '11 b null']);
  expect(await read(11, 13, { byPeer: true })).toEqual([
    ...['11 a null', '11 b null', '11 b a', '11 b z', '12 b null'],
  ]);
  expect(await read(0, 100, { realm: 'a' as RealmName })).toEqual(['11 a null']);
  expect(await read(12, 10)).toEqual([]);
});

test('a range or a number of records that is too large is refused with the limit', async () => {
  const { usage: books } = createEmbeddedStore();
  const to = MOST_HOURS + 1;
  expect(await readUsage(books, { ...all, from: 0, to })).toEqual({
    kind: 'too_much',
    reason: '769 hours; a report covers 768 (32 days) at most',
  });
  expect(await readUsage(books, { ...all, from: 1, to })).toEqual({ kind: 'usage', records: [] });
  await add(books, 'a', 5, ['a', 'b']);
  const query = { ...all, byPeer: true, from: 0, to: 10 };
  expect(await readUsage(books, query, 3)).toMatchObject({ kind: 'usage' });
  expect(await readUsage(books, query, 2)).toEqual({
    kind: 'too_much',
    reason: 'more than 2 records; ask for less time, or a realm',
  });
});

test('a store that is away is told of', async () => {
  const { usage } = createEmbeddedStore();
  const away = { kind: 'unavailable', reason: 'gone' } as const;
  await add(usage, 'a', 5);
  const range = { ...all, from: 0, to: 10 };
  const noList = { ...range, books: { realms: async () => away } as unknown as UsageBooks };
  expect(await readUsage(noList.books, range)).toEqual(away);
  const noPage = { realms: usage.realms.bind(usage), read: async () => away } as unknown as UsageBooks;
  expect(await readUsage(noPage, range)).toEqual(away);
});
