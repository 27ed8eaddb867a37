import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  type ClientFrame,
  decodeClientPacket,
  encodeFrame,
  type HelloFrame,
  type MessageId,
  type NodeId,
  PATH,
  type PeerId,
  type RealmName,
  type RelayFrame,
  SUBPROTOCOL_BINARY,
  type WelcomeFrame,
} from '@causeway/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

/** A relay's side of one connection, in the hands of a test. */
export class ScriptedPeer {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  readonly #frames: ClientFrame[] = [];
  #arrived: () => void = () => undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = once(socket, 'close').then(([code]) => Number(code));
    socket.on('message', (data: Buffer) => {
      // A copy of its own: payloads are views into the packet.
      const malformed = decodeClientPacket(Uint8Array.from(data), (frame) => {
        this.#frames.push(frame);
        return true;
      });
      if (malformed) throw new Error(`the client sent a malformed packet: ${malformed.reason}`);
      this.#arrived();
    });
  }

  /** The frames from here on, in order. */
  async *each(): AsyncGenerator<ClientFrame, never, undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) {
        yield frame;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** The next frame of that type; those of other types before it are dropped. */
  async next<Type extends ClientFrame['type']>(type: Type): Promise<Extract<ClientFrame, { type: Type }>> {
    for await (const frame of this.each()) {
      if (frame.type === type) return frame as Extract<ClientFrame, { type: Type }>;
    }
    throw new Error('the frames of a connection do not end');
  }

  send(...frames: RelayFrame[]): void {
    this.socket.send(Buffer.concat(frames.map((frame) => encodeFrame(frame))));
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  receipt(id: MessageId | null, status: number): void {
    if (id === null) throw new Error('a SEND without an id');
    this.send({ type: 'receipt', receipts: [{ id, status }] });
  }

  deliver(seq: number, id: number, text: string, from = 'alice'): void {
    const payload = new TextEncoder().encode(text);
    this.send({ type: 'deliver', seq, id, flags: 0, from: from as PeerId, payload });
  }

  /** Answers HELLO. */
  async welcome(fields: Partial<WelcomeFrame> = {}): Promise<HelloFrame> {
    const hello = await this.next('hello');
    this.sendWelcome(hello, fields);
    return hello;
  }

  sendWelcome(hello: HelloFrame, fields: Partial<WelcomeFrame> = {}): void {
    this.send({
      type: 'welcome',
      peer: hello.peer ?? ('assigned' as PeerId),
      realm: hello.realm ?? ('default' as RealmName),
      node: 'n1' as NodeId,
      epoch: 1,
      heartbeatMs: 25_000,
      maxPayload: 65_536,
      sendWindow: 256,
      queued: 0,
      reservation: { ttlMs: 3_600_000, expiresAt: 0, renewed: false, limits: {} },
      serverTime: 0,
      ...fields,
    });
  }
}

/** A relay that does only what a test tells it. */
export class ScriptedRelay {
  readonly url: string;
  readonly #server: WebSocketServer;
  readonly #waiting: ScriptedPeer[] = [];
  #connected: () => void = () => undefined;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => {
      this.#waiting.push(new ScriptedPeer(socket));
      this.#connected();
    });
  }

  static async start(): Promise<ScriptedRelay> {
    const server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      path: PATH,
      handleProtocols: (offered) => offered.has(SUBPROTOCOL_BINARY) && SUBPROTOCOL_BINARY,
    });
    await once(server, 'listening');
    return new ScriptedRelay(server);
  }

  /** The next connection. */
  async accept(): Promise<ScriptedPeer> {
    for (;;) {
      const peer = this.#waiting.shift();
      if (peer) return peer;
      await new Promise<void>((resolve) => {
        this.#connected = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
