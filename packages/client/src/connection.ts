import {
  type ChallengeFrame,
  decodeRelayPacket,
  type ErrorFrame,
  encodeFrame,
  HEARTBEATS_BEFORE_TIMEOUT,
  type HelloFrame,
  PING_BYTES,
  type RelayFrame,
  SUBPROTOCOL_BINARY,
  type WelcomeFrame,
} from '@causeway/protocol';
import type { SocketEvent, WebSocketConstructor, WebSocketLike } from './socket.ts';

/** Milliseconds that a closing handshake may take. */
const CLOSE_TIMEOUT_MS = 2000;
const NORMAL_CLOSURE = 1000;

/** How a connection ended. */
export interface ConnectionEnd {
  /** The WebSocket close code of the relay; null when it sent none. */
  readonly closeCode: number | null;
  readonly reason: string;
  /** The ERROR frame before the close. */
  readonly error: ErrorFrame | null;
}

export interface ConnectionHandlers {
  onWelcome(frame: WelcomeFrame): void;
  /** Every other frame, after WELCOME. */
  onFrame(frame: RelayFrame): void;
  onMalformed(reason: string): void;
  onBytes(received: number): void;
  /** Exactly once, and nothing after it. */
  onEnd(end: ConnectionEnd): void;
}

export interface ConnectionOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly hello: HelloFrame;
  /** Signs the answer to a CHALLENGE; null: this client has no key. */
  readonly prove: ((challenge: ChallengeFrame) => Promise<Uint8Array>) | null;
  /** Milliseconds until WELCOME must have come. */
  readonly connectTimeoutMs: number;
}

/** The life of one WebSocket: HELLO, WELCOME, frames, heartbeats, the end. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #socket: WebSocketLike;
  #opened = false;
  #challenged = false;
  #welcomed = false;
  #ended = false;
  #error: ErrorFrame | null = null;
  /** What the socket's error event said; the close event after it says less. */
  #socketError = '';
  #timer: ReturnType<typeof setTimeout>;
  /** Heartbeats since the relay was heard last. */
  #silent = 0;

  /** Begins to connect. @throws SyntaxError for a URL that the WebSocket does not take */
  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#socket = new options.WebSocket(options.url, [SUBPROTOCOL_BINARY]);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('open', () => this.#onOpen());
    this.#socket.addEventListener('message', (event) => this.#onMessage(event.data));
    this.#socket.addEventListener('error', (event) => this.#onError(event));
    this.#socket.addEventListener('close', (event) => this.#onClose(event));
    this.#timer = setTimeout(
      () => this.abort(`no WELCOME within ${options.connectTimeoutMs} ms`),
      options.connectTimeoutMs,
    );
  }

  /** Bytes that wait in the socket. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Hands a packet to the socket. After the end it is dropped: what it held has no receipt and goes again. */
  write(packet: Uint8Array): void {
    // No WebSocket takes shared memory, and no packet of ours is in it.
    if (!this.#ended) this.#socket.send(packet as Uint8Array<ArrayBuffer>);
  }

  /** Ends the connection, with a closing handshake once it is open. */
  close(): void {
    if (this.#ended) return;
    if (!this.#opened) {
      this.abort('closed');
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.abort('closed'), CLOSE_TIMEOUT_MS);
    this.#socket.close(NORMAL_CLOSURE);
  }

  /** Ends the connection at once. */
  abort(reason: string): void {
    if (this.#ended) return;
    if (this.#socket.terminate) this.#socket.terminate();
    else this.#socket.close();
    this.#end(null, reason);
  }

  #onOpen(): void {
    this.#opened = true;
    this.write(encodeFrame(this.#options.hello));
  }

  #onMessage(data: unknown): void {
    if (this.#ended) return;
    this.#silent = 0;
    if (!(data instanceof ArrayBuffer)) {
      this.#handlers.onMalformed('a text message, where the subprotocol is binary');
      return;
    }
    this.#handlers.onBytes(data.byteLength);
    decodeRelayPacket(
      new Uint8Array(data),
      (frame) => {
        this.#onFrame(frame);
        return !this.#ended;
      },
      (malformed) => this.#handlers.onMalformed(malformed.reason),
    );
  }

  #onFrame(frame: RelayFrame): void {
    if (frame.type === 'ping') this.write(encodeFrame({ type: 'pong', data: frame.data }));
    else if (frame.type === 'error' && frame.ref === undefined) this.#error = frame;
    else if (this.#welcomed) this.#handlers.onFrame(frame);
    else if (frame.type === 'welcome') this.#onWelcome(frame);
    else if (frame.type === 'challenge') void this.#onChallenge(frame);
    else this.#handlers.onMalformed(`${frame.type} before WELCOME`);
  }

  /** One answer for each connection: this client signs for nobody else. */
  async #onChallenge(challenge: ChallengeFrame): Promise<void> {
    const { prove } = this.#options;
    if (prove === null || this.#challenged) return this.abort('the relay asked for a proof that is not due');
    this.#challenged = true;
    try {
      this.write(encodeFrame({ type: 'proof', signature: await prove(challenge) }));
    } catch (error) {
      this.abort(`the key did not sign: ${String(error)}`);
    }
  }

  #onWelcome(frame: WelcomeFrame): void {
    this.#welcomed = true;
    clearTimeout(this.#timer);
    this.#timer = setInterval(() => this.#heartbeat(), frame.heartbeatMs);
    this.#handlers.onWelcome(frame);
  }

  /** Browsers do not show WebSocket pings, so the relay is asked by frames. */
  #heartbeat(): void {
    this.#silent += 1;
    // The first of these beats may have followed the last bytes at once, so it does not count.
    if (this.#silent > HEARTBEATS_BEFORE_TIMEOUT) {
      this.abort(`nothing came for ${HEARTBEATS_BEFORE_TIMEOUT} heartbeats`);
    } else {
      this.write(encodeFrame({ type: 'ping', data: new Uint8Array(PING_BYTES) }));
    }
  }

  #onError(event: SocketEvent): void {
    this.#socketError = event.message ?? '';
    // Node's own WebSocket (undici 6) tells of a connection that did not come about by an error alone, without a close.
    if (!this.#opened) this.#end(null, this.#socketError || 'the connection could not be opened');
  }

  #onClose(event: SocketEvent): void {
    const { code = null } = event;
    const what = code === null ? 'the connection broke' : `the connection ended with ${code}`;
    this.#end(code, this.#error?.message || event.reason || this.#socketError || what);
  }

  #end(closeCode: number | null, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#handlers.onEnd({ closeCode, reason, error: this.#error });
  }
}
