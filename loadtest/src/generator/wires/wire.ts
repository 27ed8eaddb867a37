import type { Connection } from '../connection.ts';

/** What a wire hands up to the load, the same for every system under test. */
export interface Sink {
  /** A message arrived; its payload begins at `buffer[at]`. */
  delivered(buffer: Buffer, at: number): void;
  /** A receipt for message number `sequence`. `ok`: delivered or queued. */
  receipt(sequence: number, ok: boolean): void;
}

/** A whole encoded message of which only the numbers that change are written for each send. */
export interface Template {
  readonly bytes: Buffer;
  /** Where the payload begins. */
  readonly payloadAt: number;
  /** Where the low 32 bits of the message id are, big-endian; null where the wire has no ids. */
  readonly idAt: number | null;
}

/** How the clients of one system under test talk to it. */
export interface Wire {
  readonly path: string;
  readonly subprotocol: string | null;
  /** Whether the sender is owed one receipt for each message. */
  readonly receipts: boolean;
  /** Makes `connection` reachable as `name`. */
  register(connection: Connection, name: string): Promise<void>;
  template(to: string, payload: Buffer): Template;
  /** Starts handing what arrives on a registered connection to `sink`. @returns to be called every 10 ms */
  receive(connection: Connection, sink: Sink): Receiver;
}

export interface Receiver {
  /** Acknowledges what has been taken and not acknowledged yet. */
  acknowledge(): void;
}
