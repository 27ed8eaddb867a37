import { type ClientFrame, encodeFrame, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { peerId, type RawPeer } from '../../kit/peer.ts';
import { ending, outcomes, text, useCluster } from '../fixture.ts';

const cluster = useCluster();

/** A SEND whose recipient is whatever bytes. */
function sendBytes(id: number, to: Uint8Array, payload = 'x'): Buffer {
  const body = Buffer.alloc(10 + to.length + payload.length);
  body.writeBigUInt64BE(BigInt(id), 0);
  body.writeUInt8(to.length, 9);
  body.set(to, 10);
  body.write(payload, 10 + to.length);
  const header = Buffer.alloc(4);
  header.writeUInt32BE((0x10 << 24) | body.length);
  return Buffer.concat([header, body]);
}

const ping = (fill: number) => ({ type: 'ping', data: new Uint8Array(8).fill(fill) }) as const;

async function expectAnswered(peer: RawPeer, fill: number): Promise<void> {
  peer.send(ping(fill));
  expect((await peer.next('pong')).data).toEqual(new Uint8Array(8).fill(fill));
}

describe('packets', () => {
  test('an extension that is not known is skipped, wherever it stands', async () => {
    const reader = await cluster.join(1, { peer: 'bob' }, { autoAck: true });
    const sender = await cluster.join(0, { peer: 'alice' });
    for (const [index, type] of [0xc0, 0xdf, 0xff].entries()) {
      const extension = Buffer.from([type, 0, 0, 3, 1, 2, 3]);
      const empty = Buffer.from([type, 0, 0, 0]);
      const frames = [1, 2].map((count) => sendBytes(10 * index + count, Buffer.from('bob')));
      sender.sendRaw(Buffer.concat([extension, frames[0] as Buffer, empty, frames[1] as Buffer, extension]));
      expect(await outcomes(sender, 10 * index + 1, 10 * index + 2)).toEqual(['delivered', 'delivered']);
      await reader.next('deliver', ({ id }) => id === 10 * index + 2);
    }
    const early = await cluster.connect(0);
    early.sendRaw(Buffer.concat([Buffer.from([0xc0, 0, 0, 0]), encodeFrame(ping(7))]));
    expect((await early.next('pong')).data).toEqual(new Uint8Array(8).fill(7));
  });

  test('all frames of a packet take effect, in their order', async () => {
    const reader = await cluster.join(1, { peer: 'bob' }, { autoAck: true });
    const sender = await cluster.join(0, { peer: 'alice' });
    const send = (id: number) =>
      ({ type: 'send', id, flags: 0, to: peerId('bob'), payload: Buffer.from(`${id}`) }) as const;
    sender.send(send(1), send(2), ping(1), send(3));
    expect(await outcomes(sender, 1, 2, 3)).toEqual(['delivered', 'delivered', 'delivered']);
    expect((await sender.next('pong')).data[0]).toBe(1);
    for (const id of [1, 2, 3]) expect(text((await reader.next('deliver')).payload)).toBe(String(id));
  });

  test('a recipient of 129 or 255 bytes, of none, or of bytes that are no id gets bad_recipient', async () => {
    const sender = await cluster.join(0, { peer: 'alice' });
    const bad = [
      Buffer.alloc(129, 'n'),
      Buffer.alloc(255, 'n'),
      Buffer.alloc(0),
      Buffer.from([0xff]),
      Buffer.from('a\nb'),
      Buffer.from([0xc2, 0x80]),
      Buffer.from([0xed, 0xa0, 0x80]),
    ];
    for (const [index, to] of bad.entries()) sender.sendRaw(sendBytes(index + 1, to));
    sender.sendRaw(sendBytes(100, Buffer.alloc(128, 'n')));
    const ids = bad.map((_, index) => index + 1);
    expect(await outcomes(sender, ...ids, 100)).toEqual([...bad.map(() => 'bad_recipient'), 'queued']);
  });

  test('the same by JSON', async () => {
    const sender = await cluster.join(0, { peer: 'alice' }, { subprotocol: SUBPROTOCOL_JSON });
    const bad = ['n'.repeat(129), 'n'.repeat(255), '', 'a\nb', '\u0080', '\u00e9'.repeat(65)];
    for (const [index, to] of bad.entries()) {
      sender.sendRaw(JSON.stringify({ type: 'send', id: String(index + 1), to, text: 'x' }));
    }
    const ids = bad.map((_, index) => index + 1);
    expect(await outcomes(sender, ...ids)).toEqual(bad.map(() => 'bad_recipient'));
  });
});

describe.each([SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON] as const)('%s', (subprotocol) => {
  const to = `bob-${subprotocol}`;
  const join = (relay: number, peer: string) => cluster.join(relay, { peer }, { subprotocol });

  /** A connection between HELLO and WELCOME, which does not come before Redis takes writes again. */
  async function whileRegistering(action: (peer: RawPeer) => Promise<void>): Promise<void> {
    const redis = cluster.redis.nodes[0]?.client;
    const peer = await cluster.connect(0, { subprotocol });
    await redis?.call('CLIENT', 'PAUSE', 60_000, 'WRITE');
    try {
      peer.sendHello({ peer: 'hasty' });
      await action(peer);
      expect(peer.take('welcome')).toEqual([]);
    } finally {
      await redis?.call('CLIENT', 'UNPAUSE');
    }
  }

  test('PING is answered, before HELLO and after', async () => {
    const peer = await cluster.connect(0, { subprotocol });
    await expectAnswered(peer, 1);
    await whileRegistering((hasty) => expectAnswered(hasty, 4));
    await peer.hello({ peer: 'alice' });
    await expectAnswered(peer, 2);
    peer.send({ type: 'pong', data: new Uint8Array(8) });
    await expectAnswered(peer, 3);
  });

  test('a second HELLO is malformed, before WELCOME and after', async () => {
    const joined = await join(0, 'alice');
    joined.sendHello({ peer: 'alice' });
    expect(await ending(joined)).toEqual(['malformed', 4400]);
    await whileRegistering(async (hasty) => {
      hasty.sendHello({ peer: 'alice' });
      expect(await ending(hasty)).toEqual(['malformed', 4400]);
    });
  });

  test.each([
    { type: 'send', id: 1, flags: 0, to: peerId('bob'), payload: Buffer.from('early') },
    { type: 'ack', seq: 0 },
    { type: 'watch', peers: [peerId('bob')] },
    { type: 'proof', signature: new Uint8Array(64) },
  ] as const)('$type before HELLO, and before WELCOME, is malformed', async (frame) => {
    const peer = await cluster.connect(0, { subprotocol });
    peer.send(frame as ClientFrame);
    expect(await ending(peer)).toEqual(['malformed', 4400]);
    await whileRegistering(async (hasty) => {
      hasty.send(frame as ClientFrame);
      expect(await ending(hasty)).toEqual(['malformed', 4400]);
    });
  });

  test('an ACK beyond the last DELIVER is malformed', async () => {
    const none = await join(0, 'alice');
    none.ack(0);
    await expectAnswered(none, 1);
    none.ack(1);
    expect(await ending(none)).toEqual(['malformed', 4400]);
    const reader = await join(1, to);
    const sender = await join(0, 'alice');
    const id = sender.message(to, 'hi');
    await reader.next('deliver');
    reader.ack(2);
    expect(await ending(reader)).toEqual(['malformed', 4400]);
    // What it was given counts as not acknowledged.
    expect(await outcomes(sender, id)).toEqual(['queued']);
    const back = await join(0, to);
    expect(text((await back.next('deliver')).payload)).toBe('hi');
    back.ack(1);
    await expectAnswered(back, 1);
  });

  test('an ACK for less than an earlier one is ignored', async () => {
    const reader = await join(1, to);
    const sender = await join(0, 'alice');
    const ids = ['a', 'b', 'c'].map((payload) => sender.message(to, payload));
    await reader.next('deliver', ({ seq }) => seq === 3);
    reader.ack(2);
    expect(await outcomes(sender, ids[0] as number, ids[1] as number)).toEqual(['delivered', 'delivered']);
    reader.ack(1);
    reader.ack(0);
    reader.ack(2);
    await expectAnswered(reader, 1);
    expect(sender.take('receipt')).toEqual([]);
    reader.ack(3);
    expect(await outcomes(sender, ids[2] as number)).toEqual(['delivered']);
  });
});

describe('JSON by hand', () => {
  test('HELLO without a version, SEND without an id and with text', async () => {
    const reader = await cluster.join(1, { peer: 'bob' }, { subprotocol: SUBPROTOCOL_JSON, autoAck: true });
    const peer = await cluster.connect(0, { subprotocol: SUBPROTOCOL_JSON });
    peer.sendRaw('{"type":"hello","peer":"hand"}');
    expect(await peer.next('welcome')).toMatchObject({ peer: 'hand', realm: 'default' });
    for (const word of ['one', 'two']) peer.sendRaw(`{"type":"send","to":"bob","text":"${word}"}`);
    const delivered = [await reader.next('deliver'), await reader.next('deliver')];
    expect(delivered.map(({ from, payload }) => [from, text(payload)])).toEqual([
      ['hand', 'one'],
      ['hand', 'two'],
    ]);
    const ids = delivered.map(({ id }) => id);
    expect(ids[0]).not.toEqual(ids[1]);
    expect(await outcomes(peer, ...ids)).toEqual(['delivered', 'delivered']);
  });
});
