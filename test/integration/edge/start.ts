/** An edge with a handler that a test writes, and a client that keeps what it gets. */
import { once } from 'node:events';
import {
  type ClientFrame,
  CloseCode,
  decodeRelayPacket,
  encodeFrame,
  type MessageId,
  type PeerId,
  type RelayFrame,
  SUBPROTOCOL_BINARY,
} from '@causeway/protocol';
import { afterEach } from 'vitest';
import WebSocket from 'ws';
import type { Connection } from '../../../services/relay/src/core/connection.ts';
import { createServer, type Edge, type EdgeOptions } from '../../../services/relay/src/edge/server.ts';
import { scheme, tlsOptions, trust } from './transport.ts';

export const BOB = 'bob' as PeerId;

/** What the edge told its handler and its options. */
export interface Seen {
  readonly connections: Connection[];
  readonly frames: ClientFrame[];
  readonly malformed: string[];
  readonly drops: string[];
  readonly closeCodes: number[];
  silent: number;
  closed: number;
}

const edges: Edge[] = [];
afterEach(() => {
  for (const edge of edges.splice(0)) edge.closeAll();
});

/** Calls `react` for each frame; closes malformed and silent connections as a session would. */
export async function start(
  react: (connection: Connection, frame: ClientFrame) => void = () => undefined,
  options: Partial<EdgeOptions> = {},
): Promise<{ edge: Edge; seen: Seen; url: string }> {
  const seen: Seen = { connections: [], frames: [], malformed: [], drops: [], closeCodes: [], silent: 0, closed: 0 };
  const edge = createServer({
    host: '127.0.0.1',
    port: 0,
    sharedPort: null,
    tls: tlsOptions(),
    origins: [],
    trustedProxies: [],
    proxyProtocol: false,
    maxConnections: 100,
    heartbeatMs: 60_000,
    deliveryWindowBytes: 64 * 1024,
    outboundBytes: 16 * 1024 * 1024,
    identity: () => ({ name: 'causeway', version: '1.2.3', node: 'n1', region: 'eu' }),
    health: async () => ({ ready: true }),
    open(connection) {
      seen.connections.push(connection);
      return {
        receive(frame) {
          seen.frames.push(frame);
          react(connection, frame);
          return true;
        },
        malformed(reason) {
          seen.malformed.push(reason);
          connection.send({ type: 'error', code: 'malformed', message: reason });
          connection.close(CloseCode.malformed, 'malformed');
        },
        writable: () => undefined,
        silent() {
          seen.silent += 1;
          connection.close(CloseCode.timeout, 'timeout');
        },
        closed() {
          seen.closed += 1;
        },
      };
    },
    dropped: (reason) => seen.drops.push(reason),
    closed: (code) => seen.closeCodes.push(code),
    ...options,
  });
  edges.push(edge);
  await edge.listen();
  return { edge, seen, url: `127.0.0.1:${edge.port}` };
}

/** Keeps what arrives from the first byte on. */
export class Client {
  readonly socket: WebSocket;
  readonly messages: (Buffer | string)[] = [];
  #wake: () => void = () => undefined;

  constructor(url: string, protocols: string | string[] = SUBPROTOCOL_BINARY, options: WebSocket.ClientOptions = {}) {
    this.socket = new WebSocket(`${scheme('ws')}://${url}/v1`, protocols, {
      perMessageDeflate: false,
      ...trust(),
      ...options,
    });
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.messages.push(isBinary ? data : data.toString());
      this.#wake();
    });
  }

  async opened(): Promise<this> {
    await once(this.socket, 'open');
    return this;
  }

  async closed(): Promise<{ code: number; reason: string }> {
    const [code, reason] = await once(this.socket, 'close');
    return { code, reason: String(reason) };
  }

  /** The first `count` messages. */
  async next(count: number): Promise<(Buffer | string)[]> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.messages.slice(0, count);
  }

  get frames(): RelayFrame[] {
    return this.messages.flatMap((message) => framesOf(message as Buffer));
  }
}

export function framesOf(packet: Buffer): RelayFrame[] {
  const frames: RelayFrame[] = [];
  decodeRelayPacket(
    packet,
    (frame) => frames.push(frame) > 0,
    ({ reason }) => {
      throw new Error(reason);
    },
  );
  return frames;
}

export function send(id: MessageId, payload: Uint8Array): Uint8Array {
  return encodeFrame({ type: 'send', id, flags: 0, to: BOB, payload });
}
