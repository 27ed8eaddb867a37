import exec from 'k6/execution';
import { WebSocket } from 'k6/websockets';
import type { CborMap } from './cbor.ts';
import {
  type Deliver,
  decodePacket,
  encodeAck,
  encodeHello,
  encodePing,
  encodeSend,
  type Frame,
  type Receipt,
  SUBPROTOCOL,
} from './codec.ts';
import { REALM } from './env.ts';
import * as metrics from './metrics.ts';

/** Milliseconds since the test began, with fractions; the same clock for all VUs. */
export function now(): number {
  return exec.instance.currentTestRunDuration;
}

interface Closing {
  readonly code?: number;
}

/** k6's socket: its types know neither the subprotocol nor the code of a close. */
interface Socket {
  readonly readyState: number;
  binaryType: string;
  onopen: () => void;
  onmessage: (event: { readonly data: ArrayBuffer }) => void;
  onerror: (event: { readonly error?: string }) => void;
  onclose: (event: Closing) => void;
  send(data: ArrayBuffer): void;
  close(): void;
}
const Socket = WebSocket as unknown as new (url: string, protocol: string) => Socket;
const OPEN = 1;

/** A socket may be closed before its last messages are read. */
function write(socket: Socket | null, bytes: Uint8Array<ArrayBuffer>): boolean {
  if (socket?.readyState !== OPEN) return false;
  socket.send(bytes.buffer);
  return true;
}

export interface PeerEvents {
  readonly onDeliver?: (frame: Deliver) => void;
  readonly onReceipts?: (receipts: readonly Receipt[]) => void;
  /** Milliseconds to wait until sending again what a limit refused. */
  readonly onThrottle?: (retryAfterMs: number) => void;
}

/** A peer that registers, acknowledges what each packet brought at once, and counts what should not happen. */
export class Peer {
  readonly id: string;
  readonly #resume: Uint8Array;
  readonly #events: PeerEvents;
  #url: string;
  #socket: Socket | null = null;
  #attempt = 0;
  #seq = 0;
  #isOpen = false;

  constructor(url: string, id: string, events: PeerEvents = {}) {
    this.#url = url;
    this.id = id;
    this.#events = events;
    this.#resume = Uint8Array.from({ length: 32 }, () => Math.floor(Math.random() * 0x100));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @returns the fields of WELCOME, or null where it did not come: that is counted */
  open(url = this.#url): Promise<CborMap | null> {
    this.#url = url;
    const began = now();
    const socket = new Socket(`${url}/v1`, SUBPROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#seq = 0;
    return new Promise((resolve) => {
      const fields = { v: 1, realm: REALM, peer: this.id, resume: this.#resume, attempt: ++this.#attempt };
      socket.onopen = () => write(socket, encodeHello(fields));
      // The close follows, and says more.
      socket.onerror = ({ error = '' }) => console.debug(`${this.id}: ${error}`);
      socket.onclose = ({ code = 0 }) => {
        this.#onClose(socket, code);
        resolve(null);
      };
      socket.onmessage = ({ data }) => {
        if (this.#socket !== socket) return;
        for (const frame of this.#read(data)) {
          if (frame.type === 'welcome') {
            this.#setOpen(true);
            metrics.opened.add(1);
            metrics.registrationLatency.add(now() - began);
            resolve(frame.fields);
          } else {
            this.#onFrame(frame);
          }
        }
      };
    });
  }

  /** @param to UTF-8 @returns false where there is no connection to send on */
  send(id: bigint, flags: number, to: Uint8Array, payload: Uint8Array): boolean {
    return this.#isOpen && write(this.#socket, encodeSend(id, flags, to, payload));
  }

  /** Leaves without a word, as a client does whose app is closed. */
  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#setOpen(false);
    socket?.close();
  }

  #onClose(socket: Socket, code: number): void {
    if (this.#socket !== socket) return;
    if (this.#isOpen) metrics.closed.add(1, { code: String(code) });
    else metrics.failed.add(1);
    this.#socket = null;
    this.#setOpen(false);
  }

  #setOpen(isOpen: boolean): void {
    if (isOpen !== this.#isOpen) metrics.countConnection(isOpen ? 1 : -1);
    this.#isOpen = isOpen;
  }

  #read(data: ArrayBuffer): readonly Frame[] {
    const before = this.#seq;
    try {
      const frames = decodePacket(new Uint8Array(data));
      for (const frame of frames) if (frame.type === 'deliver') this.#follow(frame.seq);
      if (this.#seq > before) write(this.#socket, encodeAck(this.#seq));
      return frames;
    } catch (error) {
      console.error(`${this.id}: ${error}`);
      metrics.violations.add(1);
      return [];
    }
  }

  #follow(seq: number): void {
    if (seq !== this.#seq + 1) metrics.violations.add(1);
    this.#seq = seq;
  }

  #onFrame(frame: Frame): void {
    if (frame.type === 'deliver') this.#events.onDeliver?.(frame);
    else if (frame.type === 'receipt') this.#events.onReceipts?.(frame.receipts);
    else if (frame.type === 'throttle') this.#events.onThrottle?.(Number(frame.fields.retryAfterMs));
    else if (frame.type === 'ping') write(this.#socket, encodePing('pong', frame.data));
    else if (frame.type === 'error') console.warn(`${this.id}: ${frame.fields.code}: ${frame.fields.message}`);
  }
}
