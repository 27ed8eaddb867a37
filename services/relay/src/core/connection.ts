import type { ClientFrame, MessageId, PeerId, RelayFrame } from '@causeway/protocol';

/**
 * A client's connection as the core sees it; `edge/` implements it. What is sent within one turn of the event loop
 * leaves in as few packets as possible, in order. A connection that cannot take more (its outbound bytes exceed their
 * bound) closes itself and reports `closed` to its session.
 */
export interface Connection {
  /** Client's address, for limits and logs. */
  readonly address: string;
  deliver(seq: number, id: MessageId, flags: number, from: PeerId, payload: Uint8Array): void;
  receipt(id: MessageId, status: number): void;
  /** The bytes need to be valid during the call only. */
  tunnelData(tunnel: number, bytes: Uint8Array): void;
  /** As many bytes wait for the socket as should: bulk stays back until `writable` of its handler. */
  readonly isCongested: boolean;
  send(frame: RelayFrame): void;
  /** Sends what is waiting, then closes. Later calls on this connection do nothing. */
  close(code: number, reason: string): void;
}

/** What the edge tells the core about a connection. */
export interface ConnectionHandler {
  /**
   * One frame, in the order of arrival. Payloads and other bytes stay valid and unchanged afterwards: the edge hands
   * over its own copy of the packet; only the bytes of a TUNNEL_DATA are valid no longer than the call. False: the connection is closed, hand over nothing more.
   */
  receive(frame: ClientFrame): boolean;
  /** The bytes could not be read; answers ERROR `malformed` and closes. */
  malformed(reason: string): void;
  /** No bytes for two heartbeats; answers ERROR `timeout` and closes. */
  silent(): void;
  /** The connection was congested, and is not any more. */
  writable(): void;
  /** The socket is gone, for whatever reason; called once. */
  closed(): void;
}
