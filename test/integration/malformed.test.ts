import { readFileSync } from 'node:fs';
import {
  type ClientFrame,
  decodeClientPacket,
  decodeClientText,
  encodeFrame,
  encodeText,
  FRAME_TYPE_NAMES,
  FrameOrigin,
  type Malformed,
  PROTOCOL_VERSION,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
} from '@causeway/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FRAME_ARBITRARIES } from '../../packages/protocol/test/arbitraries.ts';
import { expand, fromHex, type Long } from '../../packages/protocol/test/meaning.ts';
import { complaints } from '../kit/observe.ts';
import { connectPeer, joinPeer, type RawPeer } from '../kit/peer.ts';
import { type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';

interface Vector {
  readonly name: string;
  readonly from: 'client' | 'relay';
  readonly bytes?: Long;
  readonly text?: Long;
}
const VECTORS = new URL('../../packages/protocol/vectors/v1.json', import.meta.url);
const vectors = JSON.parse(readFileSync(VECTORS, 'utf8')) as Record<'binary' | 'json', { invalid: Vector[] }>;

const scope = new Scope();
let relay: Relay;
/** A pair that talks through it all. */
let witnesses: readonly [RawPeer, RawPeer];
beforeAll(async () => {
  relay = scope.keep(await startRelay());
  const [alice, bob] = await Promise.all(
    ['witness-a', 'witness-b'].map((peer) => joinPeer({ url: relay.url, autoAck: true }, { peer })),
  );
  witnesses = [scope.keep(alice as RawPeer), scope.keep(bob as RawPeer)];
});
afterAll(() => scope.end());

async function expectAlive(): Promise<void> {
  const [alice, bob] = witnesses;
  const id = alice.message('witness-b', 'still there?');
  expect(await bob.next('deliver')).toMatchObject({ id, from: 'witness-a' });
  expect((await alice.next('receipt')).receipts).toEqual([{ id, status: 1 }]);
  expect(relay.isAlive()).toBe(true);
  expect(complaints(relay)).toEqual([]);
}

type Subprotocol = typeof SUBPROTOCOL_BINARY | typeof SUBPROTOCOL_JSON;

/** What the relay does with this: the code of its ERROR, its close code, and what else it said. */
async function reaction(data: Uint8Array | string, subprotocol: Subprotocol, joined: boolean): Promise<unknown[]> {
  const peer = await connectPeer({ url: relay.url, subprotocol });
  try {
    if (joined) await peer.hello();
    peer.sendRaw(data);
    const { code } = await peer.next('error');
    return [code, (await peer.closed).code];
  } finally {
    peer.terminate();
  }
}

const MALFORMED = ['malformed', 4400];
const bytesOf = ({ bytes }: Vector): Uint8Array => fromHex(expand(bytes as Long));
const textOf = ({ text }: Vector): string => expand(text as Long);

describe.each([
  ['binary', SUBPROTOCOL_BINARY, bytesOf],
  ['json', SUBPROTOCOL_JSON, textOf],
] as const)('the invalid vectors, %s', (form, subprotocol, dataOf) => {
  const corpus = vectors[form].invalid.filter(({ from }) => from === 'client');

  test('there are some', () => expect(corpus.length).toBeGreaterThan(50));

  test.each([
    ['before HELLO', false],
    ['after WELCOME', true],
  ])('%s: each is answered with malformed and closed with 4400', async (_, joined) => {
    for (const vector of corpus) {
      expect(await reaction(dataOf(vector), subprotocol, joined), vector.name).toEqual(MALFORMED);
    }
    await expectAlive();
  });
});

const clientFrame = fc
  .oneof(...FRAME_TYPE_NAMES.filter((name) => FrameOrigin[name] !== 'relay').map((name) => FRAME_ARBITRARIES[name]))
  .map((frame) => frame as ClientFrame);
const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function at<T extends { readonly length: number }>(list: T, where: number): number {
  return Math.floor(where * list.length);
}

/** Malformed, with nothing before it that is answered otherwise: the HELLO of another version is. */
function isBroken(decode: (onFrame: (frame: ClientFrame) => boolean) => Malformed | null): boolean {
  let isAnswered = false;
  const failure = decode((frame) => {
    isAnswered ||= frame.type === 'hello' && frame.v !== PROTOCOL_VERSION;
    return true;
  });
  return failure !== null && !isAnswered;
}

/** A packet with one byte changed, cut off, followed by more, or of nothing but noise. */
const brokenPacket = fc
  .oneof(
    fc
      .tuple(fc.array(clientFrame, { minLength: 1, maxLength: 3 }), fraction, fc.integer({ min: 1, max: 255 }))
      .map(([frames, where, flip]) => {
        const packet = Buffer.concat(frames.map(encodeFrame));
        packet[at(packet, where)] = (packet[at(packet, where)] as number) ^ flip;
        return packet;
      }),
    fc.tuple(clientFrame, fraction).map(([frame, where]) => {
      const packet = encodeFrame(frame);
      return Buffer.from(packet.subarray(0, at(packet, where)));
    }),
    fc.tuple(clientFrame, fc.uint8Array({ minLength: 1, maxLength: 8 })).map(([frame, rest]) => {
      return Buffer.concat([encodeFrame(frame), rest]);
    }),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  )
  .filter((packet) => isBroken((onFrame) => decodeClientPacket(packet, onFrame)));

/** A text with one character changed, cut off, or of nothing but noise. */
const brokenText = fc
  .oneof(
    fc.tuple(clientFrame, fraction, fc.string({ minLength: 1, maxLength: 1 })).map(([frame, where, char]) => {
      const [text] = encodeText(frame) as [string];
      return `${text.slice(0, at(text, where))}${char}${text.slice(at(text, where) + 1)}`;
    }),
    fc.tuple(clientFrame, fraction).map(([frame, where]) => {
      const [text] = encodeText(frame) as [string];
      return text.slice(0, at(text, where));
    }),
    fc.json({ maxDepth: 3 }),
    fc.string({ maxLength: 64 }),
  )
  // As it is after its way through UTF-8, which has no lone surrogates.
  .map((text) => Buffer.from(text).toString())
  .filter((text) => isBroken((onFrame) => decodeClientText(text, onFrame)));

describe('generated packets that the decoder calls malformed', () => {
  const parameters = { numRuns: 400, seed: 5 };

  test.each([false, true])('binary, after WELCOME: %s', async (joined) => {
    const property = fc.asyncProperty(brokenPacket, async (packet) => {
      expect(await reaction(packet, SUBPROTOCOL_BINARY, joined)).toEqual(MALFORMED);
    });
    await fc.assert(property, parameters);
    await expectAlive();
  });

  test.each([false, true])('JSON, after WELCOME: %s', async (joined) => {
    const property = fc.asyncProperty(brokenText, async (text) => {
      expect(await reaction(text, SUBPROTOCOL_JSON, joined)).toEqual(MALFORMED);
    });
    await fc.assert(property, parameters);
    await expectAlive();
  });
});
