import { Cluster, type DNSLookupFunction, Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisTarget } from './url.ts';

export type RedisClient = Redis | Cluster;

/** Deadline of an ordinary command. */
export const COMMAND_TIMEOUT_MS = 1000;
/** How long a reader lets Redis hold a read open. */
export const READ_BLOCK_MS = 2000;

const CONNECT_TIMEOUT_MS = 2000;
const MAX_RECONNECT_DELAY_MS = 1000;
const FIRST_RECONNECT_DELAY_MS = 50;
/** A hung primary is noticed by the next refresh of the slots: without it, reads and writes to it block for ever. */
const SLOTS_REFRESH_MS = 1000;
/** With 100 ms between them: a command that cannot be placed ends within its deadline. */
const MAX_REDIRECTIONS = 8;

/** How long replicas have to confirm a write. */
export const WAIT_MS = 1000;

/**
 * `commands`: everything that answers at once, and is small. `bulk`: what tunnels carry, which would stand in front of it. `reader`: one blocking XREAD; it follows no redirection by itself, so
 * that every change of its server is noticed and its cursor checked. `writer`: writes with a WAIT behind them.
 * `subscriber`: pub/sub, which is asked for again by who uses it.
 */
export type ClientRole = 'commands' | 'bulk' | 'reader' | 'writer' | 'subscriber';

const TIMEOUT_MS: Readonly<Record<ClientRole, number>> = {
  commands: COMMAND_TIMEOUT_MS,
  bulk: COMMAND_TIMEOUT_MS,
  reader: READ_BLOCK_MS + COMMAND_TIMEOUT_MS,
  writer: WAIT_MS + COMMAND_TIMEOUT_MS,
  subscriber: COMMAND_TIMEOUT_MS,
};

/**
 * A client that reconnects for ever and fails commands in bounded time: nothing is queued while there is no
 * connection, and nothing is sent again after one broke.
 * @param onError told of each connection fault, for the log; commands report theirs by themselves
 */
export function createClient(target: RedisTarget, role: ClientRole, onError: (error: Error) => void): RedisClient {
  const client = target.mode === 'cluster' ? createCluster(target, role) : createServerClient(target, role);
  client.on('error', onError);
  return client;
}

/**
 * A client of one server: of the only one there is, or of this one of a cluster. As `createClient` in all else.
 * @param address of a server of a cluster; null for where there is one only
 */
export function createLaneClient(
  target: RedisTarget,
  address: RedisAddress | null,
  onError: (error: Error) => void,
): Redis {
  const one: RedisTarget = address === null ? target : { ...target, mode: 'standalone', addresses: [address] };
  const client = createServerClient(one, 'writer');
  client.on('error', onError);
  return client;
}

/** Calls the listener when a connection was made again, or another server has taken the place of one. */
export function onReconnect(client: RedisClient, listener: () => void): void {
  for (const event of ['ready', '+node', '-node']) client.on(event, listener);
}

function reconnectDelay(times: number): number {
  return Math.min(FIRST_RECONNECT_DELAY_MS * 2 ** Math.min(times, 10), MAX_RECONNECT_DELAY_MS);
}

// Inferred types from here on: under exactOptionalPropertyTypes RedisOptions itself does not fit the constructors.
function commonOptions(target: RedisTarget, role: ClientRole) {
  const timeout = TIMEOUT_MS[role];
  return {
    // Replies of the same shape on every server; nothing of RESP 3 is needed.
    protocol: 2,
    connectionName: `causeway-${role}`,
    commandTimeout: timeout,
    // A connection on which a reply is overdue is dead: reconnecting finds the new primary.
    socketTimeout: timeout + COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    autoResendUnfulfilledCommands: false,
    // Its failure would be nobody's, and end the process.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: false,
    ...(target.username === '' ? {} : { username: target.username }),
    ...(target.password === '' ? {} : { password: target.password }),
    ...(target.tls ? { tls: {} } : {}),
  } as const satisfies RedisOptions;
}

function createServerClient(target: RedisTarget, role: ClientRole): Redis {
  const options = {
    ...commonOptions(target, role),
    db: target.db,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelay,
    // A demoted primary: reconnect, and Sentinel names the new one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  };
  const [first] = target.addresses;
  if (target.mode === 'standalone') return new Redis({ ...options, ...first });
  return new Redis({
    ...options,
    sentinels: target.addresses.map(({ host, port }) => ({ host, port })),
    name: target.primaryName,
    sentinelRetryStrategy: reconnectDelay,
    enableTLSForSentinelMode: target.tls,
  });
}

const unresolved: DNSLookupFunction = (address, callback) => callback(null, address);

function createCluster(target: RedisTarget, role: ClientRole): Cluster {
  const options = {
    redisOptions: commonOptions(target, role),
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    clusterRetryStrategy: reconnectDelay,
    maxRedirections: role === 'reader' ? 0 : MAX_REDIRECTIONS,
    // Certificates name hosts, not the addresses that they resolve to.
    ...(target.tls ? { dnsLookup: unresolved } : {}),
  };
  return new Cluster(
    target.addresses.map(({ host, port }) => ({ host, port })),
    options,
  );
}
