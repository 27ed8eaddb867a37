import type { WebSocket } from 'uWebSockets.js';
import {
  type ClientFrame,
  FRAME_HEADER_BYTES,
  MAX_CONTROL_BYTES,
  type Malformed,
  type MessageId,
  type PeerId,
  type RelayFrame,
} from '@causeway/protocol';
import type { BufferPool } from '../core/buffers.ts';
import type { Connection, ConnectionHandler } from '../core/connection.ts';
import type { SharedBytes } from '../core/shared-bytes.ts';
import type { Flushable, Flusher } from './flusher.ts';
import type { Beating } from './heartbeat.ts';

/** What uWebSockets.js keeps beside a socket. */
export interface SocketData {
  readonly json: boolean;
  /** The client's, as the upgrade told. */
  readonly address: string;
  /** Null until the socket is open, and for one that is turned away. */
  connection: EdgeConnection | null;
}
export type Socket = WebSocket<SocketData>;

/** What all connections of a server share. */
export interface Shared {
  readonly flusher: Flusher;
  readonly buffers: BufferPool;
  readonly outbound: SharedBytes;
  /** A connection did not take its outbound bytes and is closed for it. */
  slowConsumer(): void;
}

/** The largest HELLO. Above it a packet before WELCOME is malformed: who was not let in may not have the relay read more. */
const MAX_OPENING_BYTES = FRAME_HEADER_BYTES + MAX_CONTROL_BYTES;
/** WebSocket, RFC 6455 section 5.5: a control frame holds 125 bytes, of which the code takes 2. */
const MAX_REASON_BYTES = 123;
/**
 * From so many bytes that wait for a socket on bulk stays back: enough to keep a fast socket busy until the next turn, and
 * little enough that a message behind them is not late.
 */
const CONGESTED_BYTES = 256 * 1024;
/** What `send` answers, and 0 when it keeps the bytes until the socket takes them. */
const SENT = 1;
const DROPPED = 2;

const encoder = new TextEncoder();

/**
 * A WebSocket as the core's Connection. Closes happen in `flush`, never within the core's call, so that the core is not
 * told of one in the middle of its own work; bytes leave there, too, but for the bulk of tunnels.
 */
export abstract class EdgeConnection implements Connection, Flushable, Beating {
  readonly address: string;
  nextToFlush: Flushable | null = null;
  lastSeen = 0;
  part = 0;
  protected readonly shared: Shared;
  #socket: Socket | null;
  #handler: ConnectionHandler | null = null;
  #dirty = false;
  #lost = false;
  #welcomed = false;
  /** Bytes that the socket has not taken yet. */
  #waiting = 0;
  /** Close code that this side chose; 0 while it has not. */
  #closeCode = 0;
  #closeReason = '';
  /** One for each connection instead of one for each packet. */
  readonly #onFrame = (frame: ClientFrame): boolean =>
    (this.#handler as ConnectionHandler).receive(frame) && this.isOpen;

  constructor(socket: Socket, address: string, shared: Shared) {
    this.#socket = socket;
    this.address = address;
    this.shared = shared;
  }

  abstract deliver(seq: number, id: MessageId, flags: number, from: PeerId, payload: Uint8Array): void;
  abstract receipt(id: MessageId, status: number): void;
  abstract tunnelData(tunnel: number, bytes: Uint8Array): void;
  protected abstract write(frame: RelayFrame): void;
  /** Hands what waits to `transmit`. */
  protected abstract writeOut(): void;
  /** Forgets what waits. */
  protected abstract discard(): void;
  /** Null for a message of the wrong kind. */
  protected abstract decode(
    message: ArrayBuffer,
    isBinary: boolean,
    onFrame: (frame: ClientFrame) => boolean,
  ): Malformed | null;

  get isOpen(): boolean {
    return this.#closeCode === 0 && this.#socket !== null;
  }

  get isCongested(): boolean {
    return this.#waiting > CONGESTED_BYTES || this.shared.outbound.isTight(this.#waiting);
  }

  /** The close code that this side chose, 0 for none. */
  get closeCode(): number {
    return this.#closeCode;
  }

  send(frame: RelayFrame): void {
    if (!this.isOpen) return;
    if (frame.type === 'welcome') this.#welcomed = true;
    this.write(frame);
  }

  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.#closeCode = code;
    this.#closeReason = reason;
    this.markDirty();
  }

  /** `message` is valid only during the call. */
  received(message: ArrayBuffer, isBinary: boolean): void {
    if (!this.isOpen) return;
    if (!this.#welcomed && message.byteLength > MAX_OPENING_BYTES) return this.#tooLarge(message.byteLength);
    const malformed = this.decode(message, isBinary, this.#onFrame);
    if (malformed !== null && this.isOpen) this.#handler?.malformed(malformed.reason);
  }

  #tooLarge(bytes: number): void {
    this.#handler?.malformed(`packet is ${bytes} bytes, at most ${MAX_OPENING_BYTES} are allowed before WELCOME`);
  }

  /** A ping that is dropped needs no care: a peer that takes no bytes gives none either and is silent soon. */
  ping(): void {
    this.#socket?.ping();
  }

  silent(): void {
    if (this.isOpen) this.#handler?.silent();
  }

  /** The socket is gone; it must not be touched any more. */
  gone(): void {
    this.#socket = null;
    this.#waits(0);
    this.discard();
    this.#handler?.closed();
  }

  /** The socket has taken bytes that had to wait. */
  drained(): void {
    if (this.#socket === null) return;
    this.#waits(this.#socket.getBufferedAmount());
    if (this.isOpen && !this.isCongested) this.#handler?.writable();
  }

  flush(): void {
    this.#dirty = false;
    if (this.#socket === null) return;
    this.writeOut();
    if (this.#lost) {
      this.shared.slowConsumer();
      this.#socket.close();
    } else if (this.#closeCode !== 0) {
      this.#socket.end(this.#closeCode, closeReason(this.#closeReason));
    }
  }

  /** Has `flush` called at the end of this turn. */
  protected markDirty(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.shared.flusher.add(this);
  }

  /** After one message is lost no later one may follow, so the rest is dropped until `flush` closes the socket. */
  protected transmit(message: Uint8Array | string, isBinary: boolean): void {
    if (this.#lost || this.#socket === null) return;
    const result = this.#socket.send(message, isBinary);
    if (result === SENT && this.#waiting === 0) return;
    const fits = this.#waits(this.#socket.getBufferedAmount());
    this.#lost = result === DROPPED || !fits;
    if (this.#lost) this.markDirty();
  }

  /** False: more bytes wait than may. */
  #waits(bytes: number): boolean {
    const before = this.#waiting;
    this.#waiting = bytes;
    return this.shared.outbound.change(before, bytes);
  }
}

/** As much of the reason as fits, in whole characters. */
function closeReason(reason: string): Uint8Array {
  const bytes = new Uint8Array(MAX_REASON_BYTES);
  return bytes.subarray(0, encoder.encodeInto(reason, bytes).written);
}
