import { asPeerId, asRealm, DEFAULT_REALM, type PeerId, RESUME_BYTES, type RealmName } from '@causeway/protocol';
import type { BackoffBounds } from './backoff.ts';
import { type ClientKey, type Credentials, readCredentials, type TokenSource } from './credentials.ts';
import { UsageError } from './errors.ts';

/** Where this library tells what happens. `console` fits; by default nothing is logged. Payloads never are. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface ClientOptions {
  /** A relay, or several to try in turn: ws, wss, http or https. An empty path becomes `/v1`. */
  readonly url: string | readonly string[];
  /** This client's address in its realm: 1 to 128 bytes without control characters. Without it the relay assigns one. */
  readonly peer?: string;
  /** Default `default`. */
  readonly realm?: string;
  /**
   * The 32-byte secret that renews this peer's reservation. By default a new random one. Keep `client.resume` and pass
   * it here after a restart to stay the owner of the peer id.
   */
  readonly resume?: Uint8Array;
  /**
   * For realms that take tokens. Called for each connection, so give one that is fresh; the relay ends the connection
   * when its token ends, and this client comes back with the next. A call that rejects, or takes longer than
   * `connectTimeoutMs`, is a failed connection. The token names the peer, so `peer` may be left out.
   */
  readonly token?: TokenSource;
  /** For realms that take keys: the peer id is the public key in base32, so `peer` may be left out. */
  readonly key?: ClientKey;
  readonly logger?: Logger;
  /** The W3C trace context that the relay's spans of each connection become part of; called for each, where it is a function. */
  readonly traceparent?: string | (() => string | undefined);
  /** Bounds of the wait between connections: full jitter, doubling. Default 1 s to 60 s. */
  readonly backoff?: BackoffBounds;
  /** Milliseconds from the start of a connection to its WELCOME. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Ends the client as `unreachable` after so many failed connections in a row. Default: it never gives up. */
  readonly maxAttempts?: number;
  /** Bytes of payload that may wait for their receipt; beyond it `send` fails with `queue_full`. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
}

/** The options with their defaults filled in. */
export interface Settings {
  readonly urls: readonly string[];
  readonly peer: PeerId | undefined;
  readonly realm: RealmName;
  readonly resume: Uint8Array | undefined;
  readonly credentials: Credentials;
  readonly logger: Logger;
  readonly traceparent: ClientOptions['traceparent'];
  readonly backoff: BackoffBounds;
  readonly connectTimeoutMs: number;
  readonly maxAttempts: number;
  readonly maxQueuedBytes: number;
}

const ignore = (): void => undefined;
const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** @throws UsageError `bad_option` or `bad_peer`, naming the option */
export function readOptions(options: ClientOptions): Settings {
  const { url, peer, realm = DEFAULT_REALM, resume } = options;
  const realmName = asRealm(realm);
  if (realmName === null) {
    throw new UsageError('bad_option', `realm ${JSON.stringify(realm)} does not match [a-z0-9._-]{1,64}`);
  }
  if (resume !== undefined && resume.length !== RESUME_BYTES) {
    throw new UsageError('bad_option', `resume has ${resume.length} bytes, ${RESUME_BYTES} are needed`);
  }
  const backoff = options.backoff ?? { minMs: 1000, maxMs: 60_000 };
  if (!(backoff.minMs > 0 && backoff.maxMs >= backoff.minMs)) {
    throw new UsageError('bad_option', 'backoff needs 0 < minMs <= maxMs');
  }
  const credentials = readCredentials(options.token, options.key);
  return {
    urls: typeof url === 'string' ? [url] : url,
    peer: ownPeer(peer, credentials),
    realm: realmName,
    resume,
    credentials,
    logger: options.logger ?? SILENT,
    traceparent: options.traceparent,
    backoff,
    connectTimeoutMs: positive('connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
    maxAttempts: positive('maxAttempts', options.maxAttempts ?? Number.POSITIVE_INFINITY),
    maxQueuedBytes: positive('maxQueuedBytes', options.maxQueuedBytes ?? 64 * 1024 * 1024),
  };
}

function ownPeer(named: string | undefined, credentials: Credentials): PeerId | undefined {
  const peer = named === undefined ? undefined : readPeer(named);
  if (credentials.scheme !== 'key') return peer;
  if (peer !== undefined && peer !== credentials.peer) {
    throw new UsageError('bad_option', `peer is not the one of the key, which is ${credentials.peer}`);
  }
  return credentials.peer;
}

/** @throws UsageError `bad_peer` */
export function readPeer(text: string): PeerId {
  const peer = asPeerId(text);
  if (peer === null) {
    throw new UsageError(
      'bad_peer',
      `peer id ${JSON.stringify(text)} is not 1 to 128 bytes without control characters`,
    );
  }
  return peer;
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new UsageError('bad_option', `${name} must be above 0`);
  return value;
}
