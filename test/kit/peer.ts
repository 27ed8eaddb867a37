import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import {
  asPeerId,
  asRealm,
  type ClientFrame,
  decodeRelayPacket,
  decodeRelayText,
  encodeFrame,
  encodeText,
  type HelloFrame,
  type MessageId,
  PATH,
  type PeerId,
  PROTOCOL_VERSION,
  type RelayFrame,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
  type WelcomeFrame,
} from '@causeway/protocol';
import { WebSocket } from 'ws';
import { type FrameOf, FrameQueue, type RelayFrameType } from './frame-queue.ts';
import { deferred, within } from './wait.ts';

/** Generous: it bounds a failing test, it is no assertion about speed. */
const DEADLINE_MS = 20_000;

export interface PeerOptions {
  /** Of the relay, without a path: `ws://127.0.0.1:7070`. */
  readonly url: string;
  readonly subprotocol?: typeof SUBPROTOCOL_BINARY | typeof SUBPROTOCOL_JSON;
  /** Acknowledge each DELIVER as it comes; off by default. */
  readonly autoAck?: boolean;
  /** Sees each frame first; true takes it, so that `next` and `take` do not. */
  readonly onFrame?: (frame: RelayFrame) => boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Certificate authority of a relay at a `wss://` URL, PEM. */
  readonly ca?: string;
}

/** HELLO with plain text where the wire's types are branded. */
export type Hello = Omit<Partial<HelloFrame>, 'type' | 'peer' | 'realm'> & {
  readonly peer?: string;
  readonly realm?: string;
};

export interface MessageOptions {
  readonly id?: MessageId;
  /** Bits of SendFlag. */
  readonly flags?: number;
}

/** The relay answered the upgrade with something else than 101. */
export class UpgradeRefused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`upgrade refused with ${status}: ${body}`);
    this.status = status;
    this.body = body;
  }
}

async function refusal(response: IncomingMessage): Promise<never> {
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  throw new UpgradeRefused(response.statusCode ?? 0, body);
}

/** A peer id for a test, which must be a valid one; send bytes to try others. */
export function peerId(text: string): PeerId {
  const peer = asPeerId(text);
  if (peer === null) throw new RangeError(`${JSON.stringify(text)} is no peer id`);
  return peer;
}

function payloadBytes(payload: Uint8Array | string): Uint8Array {
  return typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
}

/** The protocol and nothing more: no reconnect, no repeats, no acknowledgment unless asked for. */
export class RawPeer {
  /** Close code and reason, as the socket saw them; 1006 where it broke. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #queue = new FrameQueue();
  readonly #json: boolean;
  readonly #autoAck: boolean;
  readonly #onFrame: (frame: RelayFrame) => boolean;
  #nextId = 1;

  constructor(
    socket: WebSocket,
    { subprotocol = SUBPROTOCOL_BINARY, autoAck = false, onFrame = () => false }: PeerOptions,
  ) {
    this.#socket = socket;
    this.#json = subprotocol === SUBPROTOCOL_JSON;
    this.#autoAck = autoAck;
    this.#onFrame = onFrame;
    const { promise, resolve } = deferred<{ code: number; reason: string }>();
    this.closed = promise;
    socket.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary));
    socket.on('close', (code, reason) => {
      this.#queue.close(`connection closed with ${code} "${reason}"`);
      resolve({ code, reason: reason.toString() });
    });
    // A socket's error is followed by its close.
    socket.on('error', () => undefined);
  }

  /** Sends HELLO and waits for WELCOME. */
  async hello(fields: Hello = {}): Promise<WelcomeFrame> {
    this.sendHello(fields);
    return this.next('welcome');
  }

  /** Sends HELLO only, for what a refusal or a challenge answers. */
  sendHello({ peer, realm = 'default', ...rest }: Hello = {}): void {
    const name = asRealm(realm);
    if (name === null) throw new RangeError(`${JSON.stringify(realm)} is no realm`);
    this.send({ type: 'hello', v: PROTOCOL_VERSION, realm: name, ...(peer && { peer: peerId(peer) }), ...rest });
  }

  /** Sends the frames as one packet (as one text message each under JSON). */
  send(...frames: ClientFrame[]): void {
    if (this.#json) for (const text of frames.flatMap(encodeText)) this.#socket.send(text);
    else this.#socket.send(Buffer.concat(frames.map(encodeFrame)));
  }

  /** Whatever bytes, as a binary message, or whatever text. */
  sendRaw(data: Uint8Array | string): void {
    this.#socket.send(data);
  }

  /** Sends a SEND and returns its id; ids count up from 1 where none is given. */
  message(
    to: string,
    payload: Uint8Array | string,
    { id = this.#nextId++, flags = 0 }: MessageOptions = {},
  ): MessageId {
    this.send({ type: 'send', id, flags, to: peerId(to), payload: payloadBytes(payload) });
    return id;
  }

  ack(seq: number): void {
    this.send({ type: 'ack', seq });
  }

  /** The first frame of the type, for which the predicate holds, that was not handed out yet, or the next to come. */
  next<T extends RelayFrameType>(
    type: T,
    predicate: (frame: FrameOf<T>) => boolean = () => true,
    { timeoutMs = DEADLINE_MS }: { readonly timeoutMs?: number } = {},
  ): Promise<FrameOf<T>> {
    return this.#queue.next(type, predicate, timeoutMs);
  }

  /** All frames of the type that came and were not handed out yet. */
  take<T extends RelayFrameType>(type: T): FrameOf<T>[] {
    return this.#queue.take(type);
  }

  /** Stops reading from the socket: the relay's bytes pile up in the buffers of the operating system, then there. */
  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** Closes in order, and waits for it. */
  async close(code = 1000): Promise<void> {
    this.#socket.close(code);
    await within(this.closed, DEADLINE_MS, () => 'the close');
  }

  /** Breaks the connection without a close frame. */
  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const onFrame = (frame: RelayFrame): boolean => {
      if (!this.#onFrame(frame)) this.#queue.push(frame);
      if (frame.type === 'deliver' && this.#autoAck) this.ack(frame.seq);
      return true;
    };
    const onMalformed = (failure: unknown): void => {
      this.#queue.close(`the relay sent something malformed: ${JSON.stringify(failure)}`);
      this.#socket.terminate();
    };
    if (isBinary) decodeRelayPacket(data, onFrame, onMalformed);
    else decodeRelayText(data.toString(), onFrame, onMalformed);
  }
}

/** Connects, or throws UpgradeRefused with the relay's answer. */
export async function connectPeer(options: PeerOptions): Promise<RawPeer> {
  const { url, subprotocol = SUBPROTOCOL_BINARY, headers, ca } = options;
  const socket = new WebSocket(`${url}${PATH}`, subprotocol, {
    perMessageDeflate: false,
    ...(headers && { headers }),
    ...(ca && { ca }),
  });
  const peer = new RawPeer(socket, options);
  const failed = deferred<never>();
  socket.once('error', failed.reject);
  socket.once('unexpected-response', (_request, response) => refusal(response).catch(failed.reject));
  await within(Promise.race([once(socket, 'open'), failed.promise]), DEADLINE_MS, () => `a connection to ${url}`);
  return peer;
}

/** Connects and says HELLO. */
export async function joinPeer(options: PeerOptions, hello: Hello): Promise<RawPeer> {
  const peer = await connectPeer(options);
  await peer.hello(hello);
  return peer;
}
