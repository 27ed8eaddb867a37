import { expect, test } from 'vitest';
import { addressText, chooseSubprotocol } from './upgrade.ts';

test.each([
  ['', null],
  ['causeway.v2, causeway', null],
  ['causeway.v1', 'causeway.v1'],
  ['mqtt ,causeway.v1.json,causeway.v1', 'causeway.v1.json'],
])('of the offer %j it takes %j', (offer, chosen) => {
  expect(chooseSubprotocol(offer)).toBe(chosen);
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:0db8:0000:0000:0000:0000:0000:0001'],
])('the address %s reads %s', (raw, text) => {
  expect(addressText(new TextEncoder().encode(raw).buffer as ArrayBuffer)).toBe(text);
});
