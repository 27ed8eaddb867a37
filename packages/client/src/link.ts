import {
  CloseCode,
  type GoawayFrame,
  type HelloAuth,
  isErrorCodeName,
  type RelayFrame,
  type WelcomeFrame,
} from '@causeway/protocol';
import { backoffMs } from './backoff.ts';
import { Connection, type ConnectionEnd, type ConnectionHandlers, type ConnectionOptions } from './connection.ts';
import { answerChallenge, freshAuth, standingAuth, type TokenSource } from './credentials.ts';
import { Endpoints, loggableUrl } from './endpoints.ts';
import { type CausewayErrorCode, ConnectionError } from './errors.ts';
import { currentTraceparent, type Identity, nextHello } from './hello.ts';
import type { Settings } from './options.ts';
import type { WebSocketConstructor } from './socket.ts';

/** A connection that lived this long was a good one, and the next failure begins with the shortest wait. */
const STABLE_MS = 5000;
/** Longest that a relay's hint is believed, so that a mistaken one does not keep a client away for ever. */
const MAX_HINT_MS = 10 * 60_000;
/** Close codes from here on say: do not come back by yourself. */
const FIRST_FINAL_CODE = 4400;
const LAST_FINAL_CODE = 4499;

/**
 * `idle`: not started. `connecting`: a connection is being opened. `connected`: the relay welcomed this client.
 * `waiting`: for the next attempt. `stopped`: by `stop()`. `failed`: ended for good by an error.
 */
export type Status = 'idle' | 'connecting' | 'connected' | 'waiting' | 'stopped' | 'failed';

export interface LinkHandlers {
  onStatus(status: Status): void;
  onOpen(welcome: WelcomeFrame): void;
  onFrame(frame: RelayFrame): void;
  onMalformed(reason: string, url: string): void;
  onBytes(sent: number, received: number): void;
  /** A welcomed connection ended. */
  onClosed(): void;
  /** The end of the run: by `stop()` (null), or because coming back is pointless. */
  onFinished(error: ConnectionError | null): void;
}

/** Keeps one connection to one of the relays, and comes back when it ends (PROTOCOL section 6). */
export class Link {
  readonly #settings: Settings;
  readonly #identity: Identity;
  readonly #WebSocket: WebSocketConstructor;
  readonly #handlers: LinkHandlers;
  readonly #endpoints: Endpoints;
  #connection: Connection | null = null;
  /** The call for a token that is under way; a late one of an earlier run is another. */
  #asking: object | null = null;
  #url = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #welcomedAt: number | null = null;
  /** Connections in a row that did not last; for the backoff. */
  #failures = 0;
  /** Of these the last ones, that were not even welcomed; for the limit. */
  #unreached = 0;
  /** When to come back, as the relay that leaves has asked. */
  #goawayAt: number | null = null;

  constructor(settings: Settings, identity: Identity, WebSocket: WebSocketConstructor, handlers: LinkHandlers) {
    this.#settings = settings;
    this.#identity = identity;
    this.#WebSocket = WebSocket;
    this.#handlers = handlers;
    this.#endpoints = new Endpoints(settings.urls);
  }

  /** When the present connection was welcomed, on the clock of `performance.now()`; null without one. */
  get connectedSince(): number | null {
    return this.#welcomedAt;
  }

  /** Bytes that wait in the socket of the present connection. */
  get bufferedBytes(): number {
    return this.#connection?.bufferedBytes ?? 0;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#failures = 0;
    this.#unreached = 0;
    this.#attempt();
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#asking = null;
    clearTimeout(this.#timer);
    if (this.#connection) this.#connection.close();
    else this.#finish(null);
  }

  write(packet: Uint8Array): void {
    this.#connection?.write(packet);
    this.#handlers.onBytes(packet.length, 0);
  }

  /** The present connection cannot be trusted any more: end it and come back. */
  renew(reason: string): void {
    this.#connection?.abort(reason);
  }

  #attempt(): void {
    this.#timer = undefined;
    this.#url = this.#endpoints.current();
    this.#handlers.onStatus('connecting');
    // A listener may have stopped the client.
    if (!this.#running) return;
    const { credentials } = this.#settings;
    if (credentials.scheme === 'token') void this.#connectByToken(credentials.token);
    else this.#connect(standingAuth(credentials));
  }

  async #connectByToken(source: TokenSource): Promise<void> {
    const asking = {};
    this.#asking = asking;
    const auth = await freshAuth(source, this.#settings.connectTimeoutMs).catch((error: unknown) => String(error));
    if (this.#asking !== asking) return;
    this.#asking = null;
    if (typeof auth !== 'string') this.#connect(auth);
    else this.#onEnd({ closeCode: null, reason: `no token to connect with: ${auth}`, error: null });
  }

  #connect(auth: HelloAuth): void {
    const { credentials, connectTimeoutMs } = this.#settings;
    const { realm } = this.#identity;
    const options: ConnectionOptions = {
      WebSocket: this.#WebSocket,
      url: this.#url,
      hello: nextHello(this.#identity, auth, Date.now(), currentTraceparent(this.#settings)),
      prove: credentials.scheme === 'key' ? (challenge) => answerChallenge(challenge, credentials, realm) : null,
      connectTimeoutMs,
    };
    const handlers: ConnectionHandlers = {
      onWelcome: (frame) => this.#onWelcome(frame),
      onFrame: (frame) => (frame.type === 'goaway' ? this.#onGoaway(frame) : this.#handlers.onFrame(frame)),
      onMalformed: (reason) => this.#handlers.onMalformed(reason, loggableUrl(this.#url)),
      onBytes: (received) => this.#handlers.onBytes(0, received),
      onEnd: (end) => this.#onEnd(end),
    };
    try {
      this.#connection = new Connection(options, handlers);
    } catch (error) {
      // A browser refuses ws:// on a page that came by https://, for one.
      this.#onEnd({ closeCode: null, reason: String(error), error: null });
    }
  }

  #onWelcome(frame: WelcomeFrame): void {
    this.#welcomedAt = performance.now();
    this.#identity.peer = frame.peer;
    this.#settings.logger.info('connected', { url: loggableUrl(this.#url), node: frame.node, peer: frame.peer });
    this.#handlers.onOpen(frame);
    this.#handlers.onStatus('connected');
  }

  /** The relay leaves. It has spread the delays over its clients, so the connection serves until then. */
  #onGoaway(frame: GoawayFrame): void {
    if (this.#goawayAt !== null) return;
    const delay = Math.min(frame.reconnectAfterMs, MAX_HINT_MS);
    this.#goawayAt = performance.now() + delay;
    this.#endpoints.advance();
    const refused = this.#endpoints.prefer(frame.urls, this.#url);
    const { logger } = this.#settings;
    logger.info('relay leaves', { url: loggableUrl(this.#url), reason: frame.reason, reconnectAfterMs: delay });
    if (refused.length > 0) logger.warn('relay named URLs that are not used', { count: refused.length });
    this.#timer = setTimeout(() => this.#connection?.close(), delay);
  }

  #onEnd(end: ConnectionEnd): void {
    const welcomedAt = this.#welcomedAt;
    this.#connection = null;
    this.#welcomedAt = null;
    clearTimeout(this.#timer);
    if (welcomedAt !== null) this.#handlers.onClosed();
    if (!this.#running) {
      this.#finish(null);
      return;
    }
    const stable = welcomedAt !== null && performance.now() - welcomedAt >= STABLE_MS;
    if (stable) this.#failures = 0;
    if (welcomedAt === null) this.#endpoints.advance();
    this.#unreached = welcomedAt === null ? this.#unreached + 1 : 0;
    const backoff = backoffMs(this.#settings.backoff, this.#failures, Math.random);
    this.#failures += 1;
    const error = this.#finalError(end);
    if (error) {
      this.#running = false;
      this.#finish(error);
      return;
    }
    const hint = this.#hint(end);
    // A hint does not excuse a client whose connections do not last from its backoff.
    const delay = hint === null ? backoff : Math.max(hint, stable ? 0 : backoff);
    this.#logEnd(welcomedAt === null ? 'connection failed' : 'connection ended', end, delay);
    this.#wait(delay);
  }

  #logEnd(message: string, end: ConnectionEnd, delay: number): void {
    this.#settings.logger.warn(message, {
      url: loggableUrl(this.#url),
      reason: end.reason,
      closeCode: end.closeCode,
      attempt: this.#failures,
      retryInMs: delay,
    });
  }

  #wait(delay: number): void {
    this.#handlers.onStatus('waiting');
    // A listener may have stopped the client.
    if (this.#running) this.#timer = setTimeout(() => this.#attempt(), delay);
  }

  /** Milliseconds to wait as the relay has asked, null when it has not. */
  #hint(end: ConnectionEnd): number | null {
    if (this.#goawayAt !== null) {
      const remaining = Math.max(0, this.#goawayAt - performance.now());
      this.#goawayAt = null;
      return remaining;
    }
    if (end.closeCode !== CloseCode.busy || end.error?.retryAfterMs === undefined) return null;
    return Math.min(end.error.retryAfterMs, MAX_HINT_MS);
  }

  #finalError(end: ConnectionEnd): ConnectionError | null {
    const { closeCode, reason } = end;
    if (closeCode !== null && closeCode >= FIRST_FINAL_CODE && closeCode <= LAST_FINAL_CODE) {
      return new ConnectionError(finalCode(end), `the relay closed the connection: ${reason}`, false, closeCode);
    }
    if (this.#unreached < this.#settings.maxAttempts) return null;
    const message = `no relay reached in ${this.#unreached} attempts, the last at ${loggableUrl(this.#url)}: ${reason}`;
    return new ConnectionError('unreachable', message, true, closeCode);
  }

  #finish(error: ConnectionError | null): void {
    this.#goawayAt = null;
    if (error) this.#settings.logger.error('gave up', { url: loggableUrl(this.#url), reason: error.message });
    this.#handlers.onStatus(error ? 'failed' : 'stopped');
    this.#handlers.onFinished(error);
  }
}

/** The ERROR frame says more than its close code. */
function finalCode({ closeCode, error }: ConnectionEnd): CausewayErrorCode {
  if (error && isErrorCodeName(error.code)) return error.code;
  switch (closeCode) {
    case CloseCode.replaced:
      return 'replaced';
    case CloseCode.unauthorized:
      return 'unauthorized';
    case CloseCode.forbidden:
      return 'forbidden';
    default:
      return 'malformed';
  }
}
