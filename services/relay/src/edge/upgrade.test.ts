import { expect, test } from 'vitest';
import { chooseSubprotocol } from './upgrade.ts';

test.each([
  ['', null],
  ['causeway.v2, causeway', null],
  ['causeway.v1', 'causeway.v1'],
  ['mqtt ,causeway.v1.json,causeway.v1', 'causeway.v1.json'],
])('of the offer %j it takes %j', (offer, chosen) => {
  expect(chooseSubprotocol(offer)).toBe(chosen);
});
