import { type EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type ClientFrame,
  encodeFrame,
  encodeText,
  type HelloFrame,
  PATH,
  type PeerId,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
} from '@causeway/protocol';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { within } from '../kit/wait.ts';
import { packetInputs, textInputs } from './inputs.ts';

const AT_ONCE = 32;
const SLICE = 512;
/** Generous: it bounds a relay that hangs, it is no assertion about speed. */
const DEADLINE_MS = 20_000;
const HELLO: HelloFrame = { type: 'hello', v: 1, realm: 'fuzz' as HelloFrame['realm'] };

type Part = Uint8Array | string;
interface Story {
  readonly kind: 'binary' | 'json' | 'raw';
  /** Of a client that calls itself. */
  readonly peer?: PeerId;
  /** Whether it begins with a good HELLO. */
  readonly joins: boolean;
  readonly messages: readonly { readonly data: Part; readonly pieces: number }[];
  readonly resets: boolean;
}

const pieces = fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 12 }));
function storiesOf(kind: Story['kind'], data: fc.Arbitrary<Part>): fc.Arbitrary<Story> {
  const messages = fc.array(fc.record({ data, pieces }), { minLength: 1, maxLength: 8 });
  return fc.record({ kind: fc.constant(kind), joins: fc.boolean(), messages, resets: fc.boolean() });
}
const mixed: fc.Arbitrary<Part> = fc.oneof(
  { arbitrary: textInputs, weight: 1 },
  { arbitrary: packetInputs, weight: 1 },
);
/** Frames about the two ends of the tunnel, and others that are like them. */
const ofTunnel = (peer: PeerId): fc.Arbitrary<Uint8Array> => {
  const tunnel = fc.oneof(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 }), fc.nat(4));
  const ref = fc.integer({ min: 2, max: 5 });
  const frame: fc.Arbitrary<ClientFrame> = fc.oneof(
    fc.record({ type: fc.constant('tunnel_data'), tunnel, bytes: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({ type: fc.constant('tunnel_credit'), tunnel, bytes: fc.nat(400) }),
    fc.record({ type: fc.constant('tunnel_end'), tunnel }),
    fc.record({ type: fc.constant('tunnel_close'), tunnel, reason: fc.string({ maxLength: 200 }) }),
    fc.record({ type: fc.constant('tunnel_accept'), tunnel, accept: fc.boolean() }),
    fc.record({ type: fc.constant('tunnel_connect'), ref, to: fc.constant(peer) }),
    fc.record({ type: fc.constant('room_create'), ref, ttlMs: fc.nat(2000) }),
    fc.record({ type: fc.constant('room_join'), ref, code: fc.constantFrom('1234', '', 'copper', '99999') }),
  );
  return fc.array(frame, { minLength: 1, maxLength: 6 }).map((frames) => Buffer.concat(frames.map(encodeFrame)));
};
/** A client with a tunnel to itself, whose ends are 1 and 2, and what it then says of it. */
const tunnelStories: fc.Arbitrary<Story> = fc.nat(2 ** 31).chain((number) => {
  const peer = `fuzz-${number}` as PeerId;
  const begin = [encodeFrame({ type: 'tunnel_connect', ref: 1, to: peer })];
  const accept = [encodeFrame({ type: 'tunnel_accept', tunnel: 2, accept: true })];
  const message = fc.record({ data: ofTunnel(peer) as fc.Arbitrary<Part>, pieces: fc.constant(1) });
  return fc.record({
    kind: fc.constant('binary' as const),
    peer: fc.constant(peer),
    joins: fc.constant(true),
    messages: fc
      .array(message, { minLength: 1, maxLength: 8 })
      .map((rest) => [...[...begin, ...accept].map((data) => ({ data, pieces: 1 })), ...rest]),
    resets: fc.boolean(),
  });
});
const stories = fc.oneof(
  tunnelStories,
  storiesOf('binary', packetInputs),
  storiesOf('json', textInputs),
  storiesOf('binary', mixed),
  storiesOf('raw', packetInputs),
);

/** Unlike `once`, it does not fail with an error: the close comes all the same. */
function closeOf(socket: EventEmitter): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** One connection, from its upgrade to its end. */
async function play(url: string, story: Story): Promise<void> {
  if (story.kind === 'raw') return playRaw(url, story);
  const json = story.kind === 'json';
  const socket = new WebSocket(`${url}${PATH}`, json ? SUBPROTOCOL_JSON : SUBPROTOCOL_BINARY, {
    perMessageDeflate: false,
  });
  socket.on('error', () => undefined);
  const closed = closeOf(socket);
  await Promise.race([once(socket, 'open'), closed]);
  const hello = { ...HELLO, ...(story.peer && { peer: story.peer }) };
  if (story.joins) socket.send(json ? (encodeText(hello)[0] as string) : encodeFrame(hello));
  if (story.peer !== undefined) await Promise.race([once(socket, 'message'), closed]);
  for (const { data, pieces: count } of story.messages) {
    for (const [index, piece] of split(data, count).entries()) {
      const [fin, binary] = [index === count - 1, typeof data !== 'string'];
      socket.send(piece, { fin, binary }, () => undefined);
    }
    await turn();
  }
  if (story.resets) socket.terminate();
  else socket.close();
  await within(closed, DEADLINE_MS, () => 'the close of a connection');
}

function split(data: Part, count: number): Uint8Array[] {
  const bytes = Buffer.from(data as string);
  const size = Math.ceil(bytes.length / count);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

/** Behind a good upgrade, bytes that are no WebSocket frames, or hardly. */
async function playRaw(url: string, { messages, resets }: Story): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  const closed = closeOf(socket);
  socket.write(
    `GET ${PATH} HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL_BINARY}\r\n\r\n`,
  );
  await Promise.race([once(socket, 'data'), closed]);
  for (const { data } of messages) {
    if (!socket.destroyed) socket.write(data);
    await turn();
  }
  if (resets) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

/**
 * Connections that say random and nearly right things, in random pieces, the same for the same seed; ends when at least
 * so many messages were sent. Answers how many connections that were.
 */
export async function fuzzSockets(url: string, inputs: number, seed: number): Promise<number> {
  let sent = 0;
  let connections = 0;
  while (sent < inputs) {
    const slice = fc.sample(stories, { numRuns: SLICE, seed: (seed + connections) | 0 });
    for (let first = 0; first < slice.length && sent < inputs; first += AT_ONCE) {
      const batch = slice.slice(first, first + AT_ONCE);
      await Promise.all(batch.map((story) => play(url, story)));
      connections += batch.length;
      sent += batch.reduce((sum, { messages }) => sum + messages.length, 0);
    }
  }
  return connections;
}

/** A relay that forgets soon what such clients leave behind. */
export const FUZZED_RELAY = {
  CAUSEWAY_RESERVATION_TTL_SECONDS: '1',
  CAUSEWAY_MAILBOX_TTL_SECONDS: '1',
  CAUSEWAY_HELLO_TIMEOUT_MS: '1000',
};
