import { describe, expect, test } from 'vitest';
import type { KitRoom } from '../../kit/tunnel-peer.ts';
import { range } from '../fixture.ts';
import { type Relays, useRelays } from './fixture.ts';

const RELAYS = 3;
const PROXIES = { CAUSEWAY_TRUSTED_PROXIES: '127.0.0.1' };
const BLOCK_MS = 60_000;
/** Locators that no room has: no more than a handful is ever open, so they have 4 digits. */
const unknown = (index: number): string => String(1_000_000 + index);

let peers = 0;
/** How a peer that comes from this address to one of the relays fares with the code, and how it is told. */
async function attempt({ join }: Relays, address: string, relay: number, code: string) {
  peers += 1;
  const peer = await join(relay, { peer: `guest-${peers}` }, {}, { headers: { 'x-forwarded-for': address } });
  const ref = peer.askToJoin(code);
  const frame = await Promise.race([
    peer.raw.next('error', (one) => one.ref === ref),
    peer.raw.next('tunnel_open', (one) => one.ref === ref),
  ]);
  const { ref: _, ...rest } = frame;
  // The connection goes on, whatever the answer.
  peer.raw.send({ type: 'ping', data: new Uint8Array(8) });
  await peer.raw.next('pong');
  return rest;
}

/** How many of the tries were answered how. */
async function verdicts(tries: readonly ReturnType<typeof attempt>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const frame of await Promise.all(tries)) {
    const verdict = frame.type === 'error' ? frame.code : frame.type;
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  return counts;
}

/** The right code is refused at each relay, which says for how long. */
async function expectBlocked(relays: Relays, addresses: readonly string[], code: string): Promise<void> {
  for (const [relay, address] of addresses.entries()) {
    const frame = await attempt(relays, address, relay, code);
    expect(frame).toMatchObject({ type: 'error', code: 'rate_limited' });
    const { retryAfterMs = 0 } = frame as { readonly retryAfterMs?: number };
    expect(retryAfterMs).toBeGreaterThan(BLOCK_MS / 2);
    expect(retryAfterMs).toBeLessThanOrEqual(BLOCK_MS);
  }
}

/** A relay that has let somebody try just now would believe it for a second: each is to hear that it is enough. */
async function oneMoreAtEach(relays: Relays, addresses: readonly string[], code: string): Promise<void> {
  for (const [relay, address] of addresses.entries()) await attempt(relays, address, relay, code);
}

const openRoom = async ({ join }: Relays, ttlMs?: number): Promise<KitRoom> => {
  peers += 1;
  return (await join(0, { peer: `owner-${peers}` })).createRoom(ttlMs);
};

describe('of one address', () => {
  const LIMIT = 10;
  const relays = useRelays(true, { ...PROXIES, CAUSEWAY_ATTEMPTS_JOIN: `${LIMIT}/60/60` });

  test.each([
    ['IPv4', () => '192.0.2.7', '192.0.2.8'],
    ['the network of IPv6', (index: number) => `2001:db8:5:5::${index}`, '2001:db8:5:6::1'],
  ])('%s: so many wrong codes at all relays together, then none, not even the right one', async (_, from, other) => {
    const room = await openRoom(relays);
    const tries = range(1, 25).map((index) => attempt(relays, from(index), index, unknown(index)));
    expect(await verdicts(tries)).toEqual({ no_room: LIMIT, rate_limited: 25 - LIMIT });
    const addresses = range(1, RELAYS).map((index) => from(40 + index));
    await oneMoreAtEach(relays, addresses, unknown(99));
    await expectBlocked(relays, addresses, room.code);
    expect(await attempt(relays, other, 1, room.code)).toMatchObject({ type: 'tunnel_open' });
  });

  test('unknown, taken, expired and malformed codes are answered alike', async () => {
    const [taken, expired] = [await openRoom(relays), await openRoom(relays, 1)];
    expect(await attempt(relays, '198.51.100.1', 1, taken.code)).toMatchObject({ type: 'tunnel_open' });
    const codes = [unknown(1), taken.code, expired.code, '', '12', 'copper', '9'.repeat(40)];
    const answers = await Promise.all(codes.map((code, index) => attempt(relays, `198.51.100.${index}`, index, code)));
    expect(answers).toEqual(codes.map(() => ({ type: 'error', code: 'no_room', message: 'no such room' })));
  });
});

describe('of one room', () => {
  const LIMIT = 20;
  const relays = useRelays(true, { ...PROXIES, CAUSEWAY_ATTEMPTS_JOIN_ROOM: `${LIMIT}/60/60` });

  test('so many that fail from wherever, then none, not even when the owner is back', async () => {
    const resume = new Uint8Array(32).fill(5);
    const owner = await relays.join(0, { peer: 'owner', resume });
    const { code } = await owner.createRoom();
    await owner.raw.close();
    const tries = range(1, 30).map((index) => attempt(relays, `203.0.113.${index}`, index, code));
    expect(await verdicts(tries)).toEqual({ no_room: LIMIT, rate_limited: 30 - LIMIT });
    await relays.join(1, { peer: 'owner', resume });
    const addresses = range(1, RELAYS).map((index) => `203.0.113.${100 + index}`);
    await oneMoreAtEach(relays, addresses, code);
    await expectBlocked(relays, addresses, code);
    const other = await openRoom(relays);
    expect(await attempt(relays, '203.0.113.101', 1, other.code)).toMatchObject({ type: 'tunnel_open' });
  });
});

describe('of all', () => {
  const LIMIT = 40;
  const relays = useRelays(true, { ...PROXIES, CAUSEWAY_ATTEMPTS_JOIN_ALL: `${LIMIT}/60/60` });

  test('so many wrong codes from many addresses, then none', async () => {
    const room = await openRoom(relays);
    const tries = range(1, 60).map((index) => attempt(relays, `198.18.0.${index}`, index, unknown(index)));
    expect(await verdicts(tries)).toEqual({ no_room: LIMIT, rate_limited: 60 - LIMIT });
    const addresses = range(1, RELAYS).map((index) => `198.18.1.${index}`);
    await oneMoreAtEach(relays, addresses, unknown(99));
    await expectBlocked(relays, addresses, room.code);
  });
});
