import { expect, test } from 'vitest';
import { isAtOrBefore, storedAt } from './mailbox-id.ts';
import type { MailboxId } from './ports.ts';

const id = (text: string) => text as MailboxId;

test('tells when an entry was stored', () => {
  expect(storedAt(id('1750000000123-7'))).toBe(1_750_000_000_123);
});

test.each([
  ['5-0', '5-0', true],
  ['5-0', '5-1', true],
  ['5-10', '5-9', false],
  ['9-3', '10-0', true],
  ['10-0', '9-3', false],
  ['5-0', '', false],
])('%s is at or before "%s": %s', (a, b, expected) => {
  expect(isAtOrBefore(id(a), id(b) as MailboxId | '')).toBe(expected);
});
