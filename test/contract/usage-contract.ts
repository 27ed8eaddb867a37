import type { NodeId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import type { Usage } from '../../services/relay/src/core/shared-ports.ts';
import { noUsage } from '../../services/relay/src/core/usage-account.ts';
import { HOUR, newNode, newRealm } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const NO_PEERS: ReadonlyMap<string, Usage> = new Map();
/** Each test has hours of its own, as each has realms. */
let lastHour = 1000;

export function usageContract(get: () => Implementation): void {
  const newHour = () => (lastHour += 100);
  const of = (amounts: Partial<Usage>): Usage => ({ ...noUsage(), ...amounts });
  interface Add {
    readonly node?: NodeId;
    readonly sequence: number;
    readonly peers?: Readonly<Record<string, Usage>>;
    readonly keepMs?: number;
  }
  function add(realm: RealmName, hour: number, usage: Usage, { node = newNode(), sequence, peers, keepMs }: Add) {
    const byPeer = peers === undefined ? NO_PEERS : new Map(Object.entries(peers));
    return get().store.usage.add(realm, hour, { node, sequence }, usage, byPeer, keepMs ?? HOUR);
  }
  const read = (realm: RealmName, hour: number, byPeer = false) => get().store.usage.read(realm, hour, byPeer);
  const total = (realm: RealmName, hour: number, amounts: Partial<Usage>) => ({
    kind: 'usage',
    records: [{ realm, hour, peer: null, usage: of(amounts) }],
  });

  test('adds up over calls and nodes, by realm and hour', async () => {
    const [realm, other, hour] = [newRealm(), newRealm(), newHour()];
    const all = { messagesIn: 1, bytesIn: 2, messagesOut: 3, bytesOut: 4, storedByteSeconds: 5, connectionMs: 6 };
    const node = newNode();
    expect(await add(realm, hour, of({ ...all, tunnelBytes: 7 }), { node, sequence: 1 })).toEqual({ kind: 'added' });
    await add(realm, hour, of({ messagesIn: 10 }), { node, sequence: 2 });
    await add(realm, hour, of({ messagesIn: 100 }), { sequence: 1 });
    await add(realm, hour + 1, of({ messagesIn: 1000 }), { node, sequence: 3 });
    await add(other, hour, of({ messagesIn: 5 }), { node, sequence: 4 });
    expect(await read(realm, hour)).toEqual(total(realm, hour, { ...all, messagesIn: 111, tunnelBytes: 7 }));
    expect(await read(realm, hour + 1)).toEqual(total(realm, hour + 1, { messagesIn: 1000 }));
    expect(await read(other, hour)).toEqual(total(other, hour, { messagesIn: 5 }));
  });

  test('a repeated sequence of a node changes nothing, neither of the realm nor of its peers', async () => {
    const [realm, hour, node] = [newRealm(), newHour(), newNode()];
    const usage = of({ messagesIn: 3 });
    for (const sequence of [7, 7, 6, 7]) await add(realm, hour, usage, { node, sequence, peers: { p: usage } });
    await add(realm, hour, usage, { sequence: 7, peers: { p: usage } });
    expect(await read(realm, hour, true)).toEqual({
      kind: 'usage',
      records: [null, 'p'].map((peer) => ({ realm, hour, peer, usage: of({ messagesIn: 6 }) })),
    });
  });

  test('keeps peers apart, whatever they are called, and tells of them when asked', async () => {
    const [realm, hour] = [newRealm(), newHour()];
    const names = ['', 'a', 'é€😀', 'messagesIn', 'seq:x', '__proto__', '"', '}{', '= 1'];
    const peers = Object.fromEntries(names.map((name, index) => [name, of({ bytesIn: index + 1 })]));
    Object.defineProperty(peers, '__proto__', { value: of({ bytesIn: 6 }), enumerable: true });
    await add(realm, hour, of({ bytesIn: 45 }), { sequence: 1, peers });
    await add(realm, hour, of({ bytesIn: 100 }), { sequence: 1, peers: { a: of({ bytesIn: 100 }) } });
    expect(await read(realm, hour)).toEqual(total(realm, hour, { bytesIn: 145 }));
    const reply = await read(realm, hour, true);
    const found = 'records' in reply ? reply.records.map(({ peer, usage }) => [peer, usage.bytesIn]) : [];
    expect(found).toHaveLength(names.length + 1);
    expect(found).toEqual(
      expect.arrayContaining([
        [null, 145],
        ['a', 102],
        ['é€😀', 3],
        ['__proto__', 6],
        ['', 1],
      ]),
    );
  });

  test('sums stay exact beyond what a double adds exactly in Lua', async () => {
    const [realm, hour] = [newRealm(), newHour()];
    const large = 2 ** 52 + 1;
    await add(realm, hour, of({ storedByteSeconds: large, bytesIn: large }), { sequence: 1 });
    await add(realm, hour, of({ storedByteSeconds: 2 ** 52 - 3, bytesIn: 1 }), { sequence: 1 });
    expect(await read(realm, hour)).toEqual(total(realm, hour, { storedByteSeconds: 2 ** 53 - 2, bytesIn: large + 1 }));
    const peers = { p: of({ bytesIn: 2 ** 50 + 1 }) };
    for (const sequence of [1, 2]) await add(realm, hour + 1, of({}), { sequence, peers });
    expect(await read(realm, hour + 1, true)).toMatchObject({ records: [{}, { usage: { bytesIn: 2 ** 51 + 2 } }] });
  });

  test('many peers in one call', async () => {
    const [realm, hour] = [newRealm(), newHour()];
    const peers = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`peer-${index}`, of({ bytesIn: 1 })]));
    await add(realm, hour, of({ bytesIn: 500 }), { sequence: 1, peers });
    const reply = await read(realm, hour, true);
    expect('records' in reply && reply.records.length).toBe(501);
  });

  test('tells in which realms there was any, from one hour up to another', async () => {
    const [a, b, c, hour] = [newRealm(), newRealm(), newRealm(), newHour()];
    await add(a, hour, of({ messagesIn: 1 }), { sequence: 1 });
    await add(a, hour + 1, of({ messagesIn: 1 }), { sequence: 1 });
    await add(b, hour + 1, of({ messagesIn: 1 }), { sequence: 1 });
    await add(c, hour + 2, of({ messagesIn: 1 }), { sequence: 1 });
    const realms = async (from: number, to: number) => {
      const reply = await get().store.usage.realms(from, to);
      return 'realms' in reply ? [...reply.realms].sort() : reply;
    };
    expect(await realms(hour, hour + 1)).toEqual([a]);
    expect(await realms(hour, hour + 2)).toEqual([a, b].sort());
    expect(await realms(hour - 5, hour + 50)).toEqual([a, b, c].sort());
    expect([await realms(hour + 3, hour + 9), await realms(hour, hour)]).toEqual([[], []]);
  });

  test('nothing is known of an hour without usage, and of one that has been kept long enough', async () => {
    const [realm, hour] = [newRealm(), newHour()];
    expect(await read(realm, hour, true)).toEqual({ kind: 'usage', records: [] });
    await add(realm, hour, of({ messagesIn: 1 }), { sequence: 1, keepMs: 60, peers: { p: of({ messagesIn: 1 }) } });
    await get().advance(70);
    expect(await read(realm, hour, true)).toEqual({ kind: 'usage', records: [] });
  });

  test('a realm that the store has lost is listed again with the next amounts', async () => {
    const [realm, hour, node] = [newRealm(), newHour(), newNode()];
    await add(realm, hour, of({ messagesIn: 1 }), { node, sequence: 1 });
    await get().loseUsage(realm, hour);
    expect(await get().store.usage.realms(hour, hour + 1)).toEqual({ kind: 'realms', realms: [] });
    await add(realm, hour, of({ messagesIn: 2 }), { node, sequence: 2 });
    expect(await get().store.usage.realms(hour, hour + 1)).toEqual({ kind: 'realms', realms: [realm] });
    expect(await read(realm, hour)).toEqual(total(realm, hour, { messagesIn: 2 }));
  });
}
