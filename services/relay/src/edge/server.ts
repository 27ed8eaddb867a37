import {
  App,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_socket_context_t,
  type WebSocketBehavior,
} from 'uWebSockets.js';
import { HARD_PACKET_BYTES, MAX_PACKET_BYTES, PATH } from '@causeway/protocol';
import { BufferPool } from '../core/buffers.ts';
import type { Connection, ConnectionHandler } from '../core/connection.ts';
import type { DropReason } from '../core/drops.ts';
import { SharedBytes } from '../core/shared-bytes.ts';
import { BinaryConnection } from './binary.ts';
import { type AddressRange, ClientAddresses, clientAddress } from './client-address.ts';
import type { EdgeConnection, Shared, Socket, SocketData } from './connection.ts';
import { Flusher } from './flusher.ts';
import { Handshakes } from './handshakes.ts';
import { Heartbeat } from './heartbeat.ts';
import { type Answer, type Health, type Identity, respond, respondAndClose, routeHttp } from './http.ts';
import { JsonConnection } from './json.ts';
import type { KeyPair } from './key-pair.ts';
import { type Listener, listen } from './listen.ts';
import { Origins } from './origins.ts';
import { TlsApps, type TlsOptions } from './tls.ts';
import { TurnedAway, turnAway } from './turn-away.ts';
import { upgrade } from './upgrade.ts';

export interface EdgeOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** A second port that several processes share; null for none. */
  readonly sharedPort: number | null;
  /** Null for plain connections. */
  readonly tls: TlsOptions | null;
  /** The origins of web pages that may connect, as `parseOrigin` gives them; none for all. */
  readonly origins: readonly string[];
  /** Whose word for a client's address is believed. */
  readonly trustedProxies: readonly AddressRange[];
  /** Trusted proxies begin their connections with a PROXY header, version 2. */
  readonly proxyProtocol: boolean;
  readonly maxConnections: number;
  readonly heartbeatMs: number;
  /** Bytes of unacknowledged deliveries that the core may have under way on one connection. */
  readonly deliveryWindowBytes: number;
  /** Bytes that all connections together may hold until their sockets take them. */
  readonly outboundBytes: number;
  readonly identity: () => Identity;
  /** Must not reject. */
  health(): Promise<Health>;
  /** A new connection; it may be used at once. */
  open(connection: Connection): ConnectionHandler;
  dropped(reason: DropReason & ('slow_consumer' | 'connection_limit' | 'handshake_limit' | 'origin_refused')): void;
  /** A connection has closed: the code that this side gave, otherwise the client's, folded to 1000..1015. */
  closed(code: number): void;
}

/** The public port: HTTP and the WebSockets of clients. */
export interface Edge {
  /** @throws PortInUse, CannotListen */
  listen(): Promise<void>;
  /** The ports that are listened on; 0 before. */
  readonly port: number;
  readonly sharedPort: number;
  /** When the certificate in force ends, ms since 1970; null without TLS. */
  readonly certificateNotAfter: number | null;
  /** Open connections, without those that were turned away. */
  readonly connections: number;
  /** New connections are refused by the system from now on; those that are open go on. */
  stopListening(): void;
  /** Sends what waits, then cuts all connections and ends. */
  closeAll(): void;
}

/**
 * Outbound bytes that one connection may hold: the delivery window twice (a window may be acknowledged and filled again
 * before the bytes before it are off the socket's queue) and a packet of control frames. Whoever holds more is closed.
 */
export function maxOutboundBytes(deliveryWindowBytes: number): number {
  return 2 * deliveryWindowBytes + MAX_PACKET_BYTES;
}

/** The apps of uWebSockets.js behind the port. */
interface Apps {
  readonly listening: TemplatedApp;
  close(): void;
}

export function createServer(options: EdgeOptions): Edge {
  return new Server(options);
}

class Server implements Edge {
  readonly #options: EdgeOptions;
  readonly #answer: Answer;
  readonly #origins: Origins | null;
  readonly #addresses: ClientAddresses;
  readonly #heartbeat: Heartbeat;
  readonly #turnedAway = new TurnedAway();
  readonly #handshakes: Handshakes;
  readonly #shared: Shared;
  #apps: Apps | null = null;
  #listeners: Listener[] = [];
  certificateNotAfter: number | null = null;
  connections = 0;
  port = 0;
  sharedPort = 0;

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#answer = options.proxyProtocol ? respondAndClose : respond;
    this.#origins = options.origins.length === 0 ? null : new Origins(options.origins);
    this.#addresses = new ClientAddresses(options.trustedProxies, options.proxyProtocol);
    this.#heartbeat = new Heartbeat(options.heartbeatMs);
    this.#handshakes = new Handshakes(options.maxConnections);
    this.#shared = {
      flusher: new Flusher(),
      buffers: new BufferPool(),
      outbound: new SharedBytes(options.outboundBytes, maxOutboundBytes(options.deliveryWindowBytes)),
      slowConsumer: () => options.dropped('slow_consumer'),
    };
  }

  async listen(): Promise<void> {
    const { host, port, sharedPort } = this.#options;
    try {
      const { listening } = this.#createApps();
      this.port = await this.#listenOn(listening, host, port, false);
      if (sharedPort !== null) this.sharedPort = await this.#listenOn(listening, host, sharedPort, true);
    } catch (error) {
      this.closeAll();
      throw error;
    }
  }

  stopListening(): void {
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
  }

  closeAll(): void {
    this.stopListening();
    this.#heartbeat.stop();
    this.#shared.flusher.flush();
    this.#apps?.close();
  }

  #createApps(): Apps {
    const { tls } = this.#options;
    this.#apps = tls === null ? this.#plainApp() : this.#tlsApps(tls);
    return this.#apps;
  }

  #tlsApps(tls: TlsOptions): Apps {
    const loaded = (pair: KeyPair): void => {
      this.certificateNotAfter = pair.notAfter;
      tls.loaded(pair);
    };
    return new TlsApps({ ...tls, loaded }, (app) => this.#equip(app));
  }

  #plainApp(): Apps {
    const app = App();
    this.#equip(app);
    return { listening: app, close: () => app.close() };
  }

  #equip(app: TemplatedApp): void {
    const { identity, health } = this.#options;
    app.filter((response, change) => this.#accepted(response, change));
    app.ws<SocketData>(PATH, this.#behavior());
    routeHttp(app, this.#answer, identity, health);
  }

  async #listenOn(app: TemplatedApp, host: string, port: number, shared: boolean): Promise<number> {
    const listener = await listen(app, host, port, shared);
    this.#listeners.push(listener);
    return listener.port;
  }

  #behavior(): WebSocketBehavior<SocketData> {
    return {
      maxPayloadLength: HARD_PACKET_BYTES,
      maxBackpressure: maxOutboundBytes(this.#options.deliveryWindowBytes),
      // Heartbeats are ours: their interval is configurable and silence is answered by protocol.
      idleTimeout: 0,
      sendPingsAutomatically: false,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (socket) => this.#open(socket),
      message: (socket, message, isBinary) => this.#seen(socket)?.received(message, isBinary),
      ping: (socket) => this.#seen(socket),
      pong: (socket) => this.#seen(socket),
      drain: (socket) => socket.getUserData().connection?.drained(),
      close: (socket, code) => this.#closed(socket.getUserData().connection, code),
    };
  }

  #upgrade(response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void {
    const origin = this.#refusedOrigin(request);
    if (origin !== null) {
      this.#options.dropped('origin_refused');
      this.#answer(response, '403 Forbidden', { error: 'pages of this origin may not connect', origin });
    } else if (this.#isFull() && !this.#turnedAway.admit(performance.now())) {
      this.#options.dropped('connection_limit');
      this.#answer(response, '503 Service Unavailable', { error: 'server full' });
    } else {
      upgrade(response, request, context, clientAddress(this.#addresses, response, request), this.#answer);
    }
  }

  /** Only browsers send the header, and always do. */
  #refusedOrigin(request: HttpRequest): string | null {
    if (this.#origins === null) return null;
    const origin = request.getHeader('origin');
    return origin === '' || this.#origins.allows(origin) ? null : origin;
  }

  /** A socket was accepted (1), or has ended without having become a WebSocket (-1). */
  #accepted(response: HttpResponse, change: number): void {
    this.#handshakes.add(change);
    if (change < 0 || !this.#handshakes.areTooMany(this.connections)) return;
    this.#options.dropped('handshake_limit');
    response.close();
  }

  #isFull(): boolean {
    return this.connections >= this.#options.maxConnections;
  }

  #open(socket: Socket): void {
    this.#handshakes.add(-1);
    const data = socket.getUserData();
    if (this.#isFull()) {
      this.#options.dropped('connection_limit');
      turnAway(socket, data.json);
      return;
    }
    const Kind = data.json ? JsonConnection : BinaryConnection;
    const connection = new Kind(socket, data.address, this.#shared);
    data.connection = connection;
    this.connections += 1;
    this.#heartbeat.add(connection);
    connection.attach(this.#options.open(connection));
  }

  #seen(socket: Socket): EdgeConnection | null {
    const { connection } = socket.getUserData();
    if (connection !== null) this.#heartbeat.seen(connection);
    return connection;
  }

  #closed(connection: EdgeConnection | null, code: number): void {
    if (connection === null) return;
    this.connections -= 1;
    this.#heartbeat.remove(connection);
    this.#options.closed(connection.closeCode || foldCode(code));
    connection.gone();
  }
}

/** Clients may close with codes of their own choice, which must not become metrics: those are closes at will. */
function foldCode(code: number): number {
  return code >= 1000 && code <= 1015 ? code : 1000;
}
