import type { RelayFrame, WelcomeFrame } from '@causeway/protocol';
import { newRun } from './client-run.ts';
import type { ClientEvents, ClientStats, StartOptions } from './client-types.ts';
import { ConnectionError, SendError } from './errors.ts';
import { Emitter } from './events.ts';
import { type Identity, newResumeSecret } from './hello.ts';
import { Link, type Status } from './link.ts';
import { type ClientOptions, readOptions, type Settings } from './options.ts';
import type { Receipt, SendOptions } from './pending-send.ts';
import { type Presence, WatchList, type WatchOptions } from './presence.ts';
import { type IncomingMessage, type MessagesOptions, Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import type { WebSocketConstructor } from './socket.ts';
import type {
  ConnectToOptions,
  CreateRoomOptions,
  JoinRoomOptions,
  Room,
  Secured,
  SecureTunnel,
  Tunnel,
  TunnelHandler,
} from './tunnel.ts';
import { connectTo } from './tunnel-connect.ts';
import { Tunnels } from './tunnels.ts';

/**
 * A peer of a Causeway relay.
 *
 * It keeps one connection and comes back by itself when that ends. Messages without a receipt are sent again; each
 * message of another peer is shown once and in the order sent.
 */
export class Client {
  readonly #settings: Settings;
  readonly #identity: Identity;
  readonly #link: Link;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #watchList: WatchList;
  readonly #tunnels: Tunnels;
  readonly #events: Emitter<ClientEvents>;
  #status: Status = 'idle';
  #run = newRun();
  #stopping = false;
  #welcomes = 0;
  #malformed = 0;
  #bytesSent = 0;
  #bytesReceived = 0;

  /** Use `createClient` or `connect`, which know the WebSocket of their platform. @throws UsageError */
  constructor(options: ClientOptions, WebSocket: WebSocketConstructor) {
    const settings = readOptions(options);
    const write = (packet: Uint8Array): void => this.#link.write(packet);
    this.#settings = settings;
    this.#identity = {
      realm: settings.realm,
      peer: settings.peer,
      resume: settings.resume ?? newResumeSecret(),
      attempt: 0,
    };
    this.#events = new Emitter((error) => settings.logger.error('a listener threw', { error }));
    this.#sender = new Sender(settings.maxQueuedBytes, {
      write,
      onRefused: (refusal) => this.#events.emit('refused', refusal),
    });
    this.#receiver = new Receiver({ write, onGap: (reason) => this.#link.renew(reason) });
    this.#watchList = new WatchList({ write });
    const self = { identity: this.#identity, credentials: settings.credentials };
    this.#tunnels = new Tunnels({ write, buffered: () => this.#link.bufferedBytes }, self, settings.logger);
    this.#link = new Link(settings, this.#identity, WebSocket, {
      onStatus: (status) => this.#setStatus(status),
      onOpen: (welcome) => this.#onOpen(welcome),
      onFrame: (frame) => this.#onFrame(frame),
      onMalformed: (reason, url) => this.#onMalformed(reason, url),
      onBytes: (sent, received) => this.#onBytes(sent, received),
      onClosed: () => this.#onClosed(),
      onFinished: (error) => this.#onFinished(error),
    });
  }

  /** The state of the connection. */
  get status(): Status {
    return this.#status;
  }

  /** This client's peer id; undefined until the relay has assigned one, if none was chosen. */
  get peer(): string | undefined {
    return this.#identity.peer;
  }

  /** The secret that renews this peer's reservation: keep it as you keep a password. */
  get resume(): Uint8Array {
    return this.#identity.resume.slice();
  }

  /**
   * Resolves when the present run (from `start` on) ends: with null after `stop()`, with an error when the relay closed
   * with a code that makes coming back pointless, such as `replaced`. Never rejects.
   */
  get closed(): Promise<ConnectionError | null> {
    return this.#run.closed.promise;
  }

  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** What this client did so far. */
  stats(): ClientStats {
    const since = this.#link.connectedSince;
    const { received, duplicates } = this.#receiver.counts;
    return {
      uptimeMs: since === null ? 0 : performance.now() - since,
      reconnects: Math.max(0, this.#welcomes - 1),
      messagesSent: this.#sender.sent,
      messagesReceived: received,
      duplicates,
      malformed: this.#malformed,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      pending: this.#sender.pending,
    };
  }

  /**
   * Connects, and stays connected until `stop()`. After the end of a run it begins a new one.
   * @returns a promise for the first WELCOME of this run
   * @throws ConnectionError when the relays refuse this client for good, or it is stopped first
   */
  async start(options: StartOptions = {}): Promise<void> {
    const { signal } = options;
    if (this.#stopping) await this.closed;
    if (this.#status === 'stopped' || this.#status === 'failed') this.#run = newRun();
    const { welcomed } = this.#run;
    const stop = (): void => void this.stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      this.#receiver.started();
      this.#watchList.started();
      this.#tunnels.started();
      this.#link.start();
      if (signal?.aborted) stop();
      await welcomed.promise;
    } catch (error) {
      if (!signal?.aborted) throw error;
      throw new ConnectionError('aborted', 'aborted before a relay was reached', true, null, signal.reason);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /**
   * Acknowledges what the application has taken, closes the connection, and ends every iteration. Sends without a
   * receipt fail with `stopped` or `outcome_unknown`: await them first. Resolves when the connection is closed.
   */
  async stop(): Promise<void> {
    if (this.#status === 'idle') return;
    this.#stopping = this.#status !== 'stopped' && this.#status !== 'failed';
    this.#receiver.flush();
    this.#link.stop();
    await this.closed;
  }

  /**
   * Sends one message, before or after the client is connected. It is sent again over reconnects, and when the relay
   * refuses it for now, until it has its receipt, `timeout` passes, or `signal` aborts. Beyond the relay's window it
   * waits here. Messages to the same recipient arrive in the order of these calls.
   * @param data text is sent as UTF-8; bytes are copied
   * @throws UsageError `bad_peer`, `bad_option` for data that is neither text nor bytes
   * @throws RefusedError `offline`, `too_large`, `forbidden`, `bad_recipient`, `unconfirmed`
   * @throws SendError `timeout`, `aborted`, `stopped`, `outcome_unknown`, `queue_full`
   */
  async send(to: string, data: Uint8Array | string, options: SendOptions = {}): Promise<Receipt> {
    if (this.#status === 'stopped' || this.#status === 'failed' || this.#stopping) {
      throw new SendError('stopped', `the client is ${this.#stopping ? 'stopping' : this.#status}`, null);
    }
    return this.#sender.send(to, data, options);
  }

  /**
   * The messages of other peers, each once and those of one sender in the order sent. Ends when the client stops or
   * `signal` aborts; throws the ConnectionError that ended the client. Several iterations share the messages out.
   */
  messages(options: MessagesOptions = {}): AsyncGenerator<IncomingMessage, void, undefined> {
    return this.#receiver.messages(options);
  }

  /**
   * Whether these peers are online: the state of each at once, then its changes. An iteration that is slow sees the
   * latest state of each peer. Ends as `messages` does.
   * @throws UsageError `bad_peer`; from the iteration, `watch_limit` beyond 256 watched peers
   */
  watch(peers: readonly string[], options: WatchOptions = {}): AsyncGenerator<Presence, void, undefined> {
    return this.#watchList.watch(peers, options);
  }

  /**
   * A room in which to meet one peer that has its code, by default for 10 minutes. It waits over reconnects. The words of
   * the code stay with the two clients, which agree on a key by them; the relay sees the digits alone.
   * @throws UsageError `bad_option`
   * @throws TunnelError `room_limit`, `rate_limited`, `unavailable`, `aborted`, `stopped`
   */
  async createRoom(options: CreateRoomOptions = {}): Promise<Room> {
    // Loaded when it is needed: the cryptography is larger than all the rest.
    const { createRoom } = await import('./room.ts');
    return createRoom(this.#tunnels, options);
  }

  /**
   * The tunnel to the peer that made the room. A room can be joined once, with whatever words.
   * @param code as people type it: in any case, with spaces or hyphens
   * @throws UsageError `bad_code` for what is no code; nothing has been sent then
   * @throws TunnelError `no_room`, `rate_limited`, `tunnel_limit`, `unavailable`, `connection_lost` when the connection
   * ended before the answer: the room may be used up; `closed`, `aborted`, `stopped`
   * @throws SecurityError `wrong_code`, at both ends: the room is used up; `tampered`, `truncated`, `aborted`
   */
  async joinRoom(code: string, options: JoinRoomOptions = {}): Promise<SecureTunnel> {
    const { joinRoom } = await import('./room.ts');
    return joinRoom(this.#tunnels, code, options);
  }

  /**
   * A tunnel to a peer that is online and accepts it within 10 s. Without `security` this library encrypts nothing of
   * what goes through it; with it, the other end must accept with the same.
   * @throws UsageError `bad_peer`, `bad_option` for `meta` that is too long
   * @throws TunnelError `peer_offline`, `declined`, `tunnel_limit`, `rate_limited`, `unavailable`, `connection_lost` when
   * the connection ended before the answer: the other end may have accepted; `closed`, `aborted`, `stopped`
   * @throws SecurityError with `security`: `wrong_code`, `wrong_peer`, `tampered`, `truncated`, `aborted`
   */
  connectTo(peer: string, options: ConnectToOptions & Secured): Promise<SecureTunnel>;
  connectTo(peer: string, options?: ConnectToOptions): Promise<Tunnel>;
  async connectTo(peer: string, options: ConnectToOptions & Partial<Secured> = {}): Promise<Tunnel> {
    return connectTo(this.#tunnels, peer, options);
  }

  /**
   * Calls `handler` with each tunnel that another peer offers; without one, and when it throws, offers are declined.
   * @returns removes the handler
   * @throws UsageError `bad_option` when there is a handler already
   */
  onTunnel(handler: TunnelHandler): () => void {
    return this.#tunnels.offers.handle(handler);
  }

  #setStatus(status: Status): void {
    this.#status = status;
    this.#events.emit('status', status);
  }

  #onOpen(welcome: WelcomeFrame): void {
    this.#welcomes += 1;
    this.#receiver.opened();
    this.#sender.opened(welcome);
    this.#watchList.opened();
    this.#tunnels.opened(welcome);
    this.#run.welcomed.resolve();
    this.#events.emit('welcome', welcome);
  }

  #onFrame(frame: RelayFrame): void {
    if (frame.type === 'deliver') this.#receiver.onDeliver(frame);
    else if (frame.type === 'receipt') this.#sender.onReceipt(frame);
    else if (frame.type === 'throttle') this.#sender.onThrottle(frame);
    else if (frame.type === 'presence') this.#watchList.onPresence(frame);
    else if (!this.#tunnels.onFrame(frame)) this.#settings.logger.debug('frame skipped', { type: frame.type });
  }

  #onMalformed(reason: string, url: string): void {
    this.#malformed += 1;
    this.#settings.logger.warn('malformed frame skipped', { url, reason });
    this.#events.emit('malformed', { reason });
  }

  #onBytes(sent: number, received: number): void {
    this.#bytesSent += sent;
    this.#bytesReceived += received;
  }

  #onClosed(): void {
    this.#receiver.closed();
    this.#sender.closed();
    this.#watchList.closed();
    this.#tunnels.closed();
  }

  #onFinished(error: ConnectionError | null): void {
    this.#stopping = false;
    this.#receiver.finished(error);
    this.#watchList.finished(error);
    this.#tunnels.finished(error);
    this.#sender.finished(error ?? undefined);
    this.#run.welcomed.reject(error ?? new ConnectionError('stopped', 'the client was stopped', true, null));
    this.#run.closed.resolve(error);
  }
}
