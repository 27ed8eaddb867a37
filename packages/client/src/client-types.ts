import type { WelcomeFrame } from '@causeway/protocol';
import type { Status } from './link.ts';
import type { Refusal } from './pending-send.ts';

/** The events of a client and what each carries. */
export interface ClientEvents {
  /** The state of the connection changed. */
  status: Status;
  /** A relay welcomed this client: at the start and after each reconnect. */
  welcome: WelcomeFrame;
  /** A message sent with `receipt: false` was refused for good. */
  refused: Refusal;
  /** A frame from the relay could not be read and was skipped. */
  malformed: { readonly reason: string };
}

export interface StartOptions {
  /** Stops the client if it aborts before the first WELCOME. */
  readonly signal?: AbortSignal;
}

export interface ClientStats {
  /** Milliseconds since the present connection was welcomed; 0 without one. */
  readonly uptimeMs: number;
  /** Connections after the first of this client. */
  readonly reconnects: number;
  /** SENDs written, repetitions included. */
  readonly messagesSent: number;
  /** Messages received, duplicates not included. */
  readonly messagesReceived: number;
  /** Messages that came again, and were acknowledged without being shown. */
  readonly duplicates: number;
  /** Frames that could not be read. */
  readonly malformed: number;
  /** Of WebSocket messages. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Messages that have no final receipt yet. */
  readonly pending: number;
}
