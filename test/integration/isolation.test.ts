import { SendFlag, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { type Hello, type PeerOptions, peerId, type RawPeer } from '../kit/peer.ts';
import { outcomes, text, useCluster } from './fixture.ts';

const cluster = useCluster();
const join = (relay: number, hello: Hello, options: Partial<PeerOptions> = {}): Promise<RawPeer> =>
  cluster.join(relay, hello, { autoAck: true, ...options });

describe('the sender that a recipient sees', () => {
  test('is the registered one, whatever a message claims', async () => {
    const bob = await join(1, { peer: 'bob' });
    await join(0, { peer: 'alice' });
    const mallory = await join(0, { peer: 'mallory' }, { subprotocol: SUBPROTOCOL_JSON });
    mallory.sendRaw('{"type":"send","id":"1","to":"bob","from":"alice","peer":"alice","realm":"other","text":"hi"}');
    expect(await bob.next('deliver')).toMatchObject({ from: 'mallory', id: 1 });
    // A DELIVER with a sender of its choice is not for a client to send.
    const forger = await join(0, { peer: 'forger' }, { subprotocol: SUBPROTOCOL_JSON });
    forger.sendRaw('{"type":"deliver","seq":1,"id":"1","flags":0,"from":"alice","payload":""}');
    expect(await forger.next('error')).toMatchObject({ code: 'malformed' });
    expect((await forger.closed).code).toBe(4400);
    mallory.sendRaw('{"type":"send","id":"2","to":"bob","text":"last"}');
    expect(await bob.next('deliver')).toMatchObject({ from: 'mallory', id: 2 });
  });

  test('out of the mailbox, too', async () => {
    const mallory = await join(0, { peer: 'mallory' }, { subprotocol: SUBPROTOCOL_JSON });
    mallory.sendRaw('{"type":"send","id":"1","to":"away","from":"alice","text":"hi"}');
    expect(await outcomes(mallory, 1)).toEqual(['queued']);
    const away = await join(1, { peer: 'away' });
    expect(await away.next('deliver')).toMatchObject({ from: 'mallory', id: 1, flags: 1 });
  });
});

/** Names of which a careless key would make one and the same. */
const NAMES: readonly (readonly [realm: string, peer: string])[] = [
  ['a', 'b'],
  ['a', 'a/b'],
  ['b', 'a'],
  ['a.b', 'c'],
  ['a', 'b/c'],
  ['a', 'b.c'],
  ['a.b.c', 'b'],
  ['default', 'x'],
  ['default', 'default/x'],
  ['x', 'default/x'],
  ['x', 'x}:loc'],
  ['x', 'x'],
  ['x', 'x}:mbox'],
  ['x', 'x:mbox:meta'],
  ['x', '{p:default/x}'],
  ['x', 'x '],
  ['x', ' x'],
  ['y', '\u00e9'],
  ['y', 'e\u0301'],
  ['y', 'X'],
];
const other = (realm: string): string => `${realm}-not`;
const nameOf = ([realm, peer]: readonly [string, string]): string => `${realm} ${peer}`;

describe('realms and peers with names made to collide', () => {
  const tell = async (sender: RawPeer, to: string, payload: string, flags = 0) => {
    const [outcome] = await outcomes(sender, sender.message(to, payload, { flags }));
    return outcome;
  };

  test('online, each gets what is for it and nothing else', async () => {
    const peers = await Promise.all(NAMES.map(([realm, peer], index) => join(index % 2, { realm, peer })));
    for (const [index, name] of NAMES.entries()) {
      const [realm, peer] = name;
      const inside = await join((index + 1) % 2, { realm, peer: 'sender' });
      const outside = await join(index % 2, { realm: other(realm), peer: 'sender' });
      expect(await tell(inside, peer, nameOf(name), SendFlag.noStore), nameOf(name)).toBe('delivered');
      expect(await tell(outside, peer, 'from outside', SendFlag.noStore), nameOf(name)).toBe('offline');
      outside.send({ type: 'watch', peers: [peerId(peer)] });
      expect(await outside.next('presence')).toMatchObject({ peer, online: false, at: 0 });
    }
    const seen = peers.map((peer) => peer.take('deliver').map(({ payload }) => text(payload)));
    expect(seen).toEqual(NAMES.map((name) => [nameOf(name)]));
  });

  test('offline, each has a mailbox of its own', async () => {
    const names = NAMES.map(([realm, peer]) => [realm, `${peer}2`] as const);
    for (const name of names) {
      const sender = await join(0, { realm: name[0], peer: 'sender' });
      expect(await tell(sender, name[1], nameOf(name))).toBe('queued');
    }
    for (const name of names) {
      const peer = await cluster.join(1, { realm: name[0], peer: name[1] });
      const { payload } = await peer.next('deliver');
      expect(text(payload)).toBe(nameOf(name));
      // Delivered behind everything stored, if there were more of it.
      const sender = await join(0, { realm: name[0], peer: 'sender' });
      peer.ack(1);
      sender.message(name[1], 'fence');
      expect(text((await peer.next('deliver')).payload)).toBe('fence');
    }
  });
});

describe('the size of a message', () => {
  test.each([0, 1])('64 KiB pass and a byte more is too large, to node %i', async (relay) => {
    const bob = await join(relay, { peer: `bob-${relay}` });
    const alice = await join(0, { peer: 'alice' });
    const largest = Buffer.alloc(65_536, 'x');
    alice.message(`bob-${relay}`, largest);
    alice.message(`bob-${relay}`, Buffer.alloc(65_537, 'y'));
    alice.message(`bob-${relay}`, 'behind it');
    const first = await bob.next('deliver');
    expect([first.id, Buffer.compare(first.payload, largest)]).toEqual([1, 0]);
    expect(await bob.next('deliver')).toMatchObject({ id: 3 });
    expect(await outcomes(alice, 1, 2, 3)).toEqual(['delivered', 'too_large', 'delivered']);
  });
});
