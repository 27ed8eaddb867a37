import type { RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import type { UsageRecord } from '../core/shared-ports.ts';
import { usageCsv, usageRows } from './usage-export.ts';

const USAGE = {
  messagesIn: 1,
  bytesIn: 2,
  messagesOut: 3,
  bytesOut: 4,
  storedByteSeconds: 5400,
  connectionMs: 61_500,
  tunnelBytes: 0,
};
const HEADER =
  'realm,hour,of,peer,messagesIn,bytesIn,messagesOut,bytesOut,mailboxByteHours,connectionSeconds,tunnelBytes';

function record(peer: string | null = null, realm = 'acme'): UsageRecord {
  return { realm: realm as RealmName, hour: 490_000, peer, usage: USAGE };
}

test('rows have the units of people, and a peer only where it is one', () => {
  const amounts = { messagesIn: 1, bytesIn: 2, messagesOut: 3, bytesOut: 4, tunnelBytes: 0 };
  const row = {
    realm: 'acme',
    hour: '2025-11-24T16:00:00.000Z',
    ...amounts,
    mailboxByteHours: 1.5,
    connectionSeconds: 61.5,
  };
  expect(usageRows([record(), record('bob'), record('')])).toEqual([
    row,
    { ...row, peer: 'bob' },
    { ...row, peer: '' },
  ]);
});

test('CSV has a header and a line for each record, as RFC 4180 has it', () => {
  const rest = '1,2,3,4,1.5,61.5,0';
  const at = '2025-11-24T16:00:00.000Z';
  expect(usageCsv([record(), record('bob'), record('')])).toBe(
    `${HEADER}\r\nacme,${at},realm,,${rest}\r\nacme,${at},peer,bob,${rest}\r\nacme,${at},others,,${rest}\r\n`,
  );
  expect(usageCsv([])).toBe(`${HEADER}\r\n`);
});

test.each([
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['=HYPERLINK("http://evil")', '"\'=HYPERLINK(""http://evil"")"'],
  ['=1+1', '"\'=1+1"'],
  ['+1', '"\'+1"'],
  ['-1', '"\'-1"'],
  ['@SUM(A1)', '"\'@SUM(A1)"'],
  ['＝1+1', '"\'＝1+1"'],
  ['a=b', 'a=b'],
  ["it's", '"it\'s"'],
  ['日本', '日本'],
])('the name %s becomes %s', (name, cell) => {
  const [, line] = usageCsv([record(name)]).split('\r\n');
  expect(line).toBe(`acme,2025-11-24T16:00:00.000Z,peer,${cell},1,2,3,4,1.5,61.5,0`);
});

test('a realm is a name, too', () => {
  expect(usageCsv([record(null, '-1')])).toContain('\r\n"\'-1",');
});
