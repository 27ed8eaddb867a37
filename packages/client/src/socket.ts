/** What this library reads of WebSocket events. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** What this library uses of a WebSocket: the browsers', Node's own, and that of the package `ws` all fit. */
export interface WebSocketLike {
  binaryType: string;
  /** Bytes that were given to `send` and that the network has not taken. */
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  /** Ends the connection without a closing handshake; browsers have none. */
  terminate?(): void;
  addEventListener(type: string, listener: (event: SocketEvent) => void): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;
