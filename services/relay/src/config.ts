import { availableParallelism } from 'node:os';
import {
  asRealm,
  DEFAULT_MAX_PAYLOAD,
  deliverFrameBytes,
  MAX_PACKET_BYTES,
  MAX_PEER_ID_BYTES,
} from '@causeway/protocol';
import {
  type Config,
  type Environment,
  integer,
  LOG_LEVELS,
  type Loaded,
  list,
  loadConfig,
  oneOf,
  optional,
  secretFile,
  text,
  variable,
} from '@causeway/service-kit';
import { z } from 'zod';
import { AUTH_VARIABLES, authContradictions } from './access/config.ts';
import { policyFile } from './access/policy-file.ts';
import { ROLES, type Role, type RoleToken } from './admin/tokens.ts';
import { ATTEMPT_VARIABLES } from './attempts-config.ts';
import { readConnectionLimit } from './connection-limit.ts';
import { addressRange, edgeProblems, origin } from './edge/settings.ts';
import { TUNNEL_VARIABLES } from './tunnels-config.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY_SECONDS = 86_400;

/** A DELIVER from the longest peer id must fit into a packet. */
const MOST_PAYLOAD = MAX_PACKET_BYTES - deliverFrameBytes(MAX_PEER_ID_BYTES, 0);
const HOST = /^[A-Za-z0-9.:_-]+$/;
const REDIS_URL = /^(rediss?|rediss?\+cluster|rediss?\+sentinel):\/\/\S+$/;
const WEB_URL = /^wss?:\/\/\S+$/;
const MOST_PORT = 65_535;
const port = integer(0, MOST_PORT);

const processes = z
  .union([z.literal('auto').transform(() => availableParallelism()), integer(1, 256)])
  .describe('`auto` or an integer from 1 to 256');

const realm = z
  .string()
  .transform((name, context) => {
    const valid = asRealm(name);
    if (valid !== null) return valid;
    context.addIssue({ code: 'custom', message: `${JSON.stringify(name)} is no realm name` });
    return z.NEVER;
  })
  .describe('1 to 64 of `a-z 0-9 . _ -`');

const ADMIN_TOKEN = new RegExp(`^(${ROLES.join('|')}):([!-~]+)$`);

const adminToken = z
  .string()
  .transform((text, context): RoleToken => {
    const [, role, token] = ADMIN_TOKEN.exec(text) ?? [];
    if (role !== undefined && token !== undefined) return { role: role as Role, token };
    context.addIssue({ code: 'custom', message: 'one is no role:token' });
    return z.NEVER;
  })
  .describe('`role:token`, where the role is `read`, `operate` or `admin` and the token has no blank and no comma');

const adminTokensFile = secretFile()
  .transform((text) => text.replaceAll(/[\r\n]+/g, ','))
  .pipe(list(adminToken))
  .describe('the path of a file that holds such a list, on one line or several');

/** Every variable of the relay; `docs/configuration.md` is generated from it. */
export const VARIABLES = {
  host: variable({
    name: 'CAUSEWAY_HOST',
    schema: text(HOST, 'a host name or address'),
    default: '127.0.0.1',
    doc: 'Address of the public port. The image sets `0.0.0.0`.',
  }),
  port: variable({
    name: 'CAUSEWAY_PORT',
    schema: port,
    default: '7070',
    doc: 'Public port, WebSocket and HTTP; 0 for any free one.',
  }),
  sharedPort: variable({
    name: 'CAUSEWAY_SHARED_PORT',
    schema: optional(integer(1, MOST_PORT)),
    default: '',
    doc: 'A second public port that several processes on one machine share (SO_REUSEPORT).',
  }),
  processes: variable({
    name: 'CAUSEWAY_PROCESSES',
    schema: processes,
    default: '1',
    doc: 'Relay processes behind the shared port, each a full node; `auto` is one for each core. More than 1 needs Redis.',
  }),
  tlsCertFile: variable({
    name: 'CAUSEWAY_TLS_CERT_FILE',
    schema: optional(text(/./, 'the path of a file')),
    default: '',
    doc: 'Certificate (chain) of the public port, PEM; with its key the port speaks [TLS](edge.md#tls) only. A change of the files is taken up as it comes.',
  }),
  tlsKeyFile: variable({
    name: 'CAUSEWAY_TLS_KEY_FILE',
    schema: optional(text(/./, 'the path of a file')),
    default: '',
    doc: 'Private key of the certificate, PEM.',
  }),
  origins: variable({
    name: 'CAUSEWAY_ORIGINS',
    schema: list(origin),
    default: '',
    doc: '[Origins](edge.md#origins) of the web pages that may connect. Empty: all.',
  }),
  trustedProxies: variable({
    name: 'CAUSEWAY_TRUSTED_PROXIES',
    schema: list(addressRange),
    default: '',
    doc: "[Proxies](edge.md#proxies) whose word for a client's address is believed. Empty: none.",
  }),
  proxyProtocol: variable({
    name: 'CAUSEWAY_PROXY_PROTOCOL',
    schema: oneOf(['off', 'v2']),
    default: 'off',
    doc: 'Whether the trusted proxies begin each connection with a PROXY header, version 2.',
  }),
  adminHost: variable({
    name: 'CAUSEWAY_ADMIN_HOST',
    schema: text(HOST, 'a host name or address'),
    default: '127.0.0.1',
    doc: 'Address of the admin port. The image sets `0.0.0.0`.',
  }),
  adminPort: variable({
    name: 'CAUSEWAY_ADMIN_PORT',
    schema: port,
    default: '7071',
    doc: 'Admin port: `/metrics`, `/health/live`, `/health/ready`, and the admin API under `/admin/`; 0 for any free one.',
  }),
  adminTokens: variable({
    name: 'CAUSEWAY_ADMIN_TOKENS',
    schema: list(adminToken),
    default: '',
    doc: 'Who may use the [admin API](admin.md). Empty: nobody, it is off.',
    secret: true,
  }),
  adminTokensFile: variable({
    name: 'CAUSEWAY_ADMIN_TOKENS_FILE',
    schema: optional(adminTokensFile),
    default: '',
    doc: 'The same from a file, which the environment does not show.',
    secret: true,
  }),
  redisUrl: variable({
    name: 'CAUSEWAY_REDIS_URL',
    schema: optional(
      text(REDIS_URL, '`redis://host:port`, `redis+cluster://h1:p1,h2:p2` or `redis+sentinel://...`; `rediss` for TLS'),
    ),
    default: '',
    doc: 'The Redis that nodes share. Empty: one node that keeps everything in its memory.',
    secret: true,
  }),
  redisPrefix: variable({
    name: 'CAUSEWAY_REDIS_PREFIX',
    schema: text(/^[^{}\s]{1,64}$/, '1 to 64 characters without blanks and braces'),
    default: 'cw:',
    doc: 'Beginning of every key in Redis.',
  }),
  redisPassword: variable({
    name: 'CAUSEWAY_REDIS_PASSWORD_FILE',
    schema: optional(secretFile()),
    default: '',
    doc: 'File that holds the password for Redis.',
  }),
  redisMinReplicas: variable({
    name: 'CAUSEWAY_REDIS_MIN_REPLICAS',
    schema: integer(0, 16),
    default: '0',
    doc: 'Replicas that must have a stored message before its sender is told `queued`. Equal to the replicas of each primary, nothing that is `queued` is lost with a primary; 0 waits for none.',
  }),
  maxConnections: variable({
    name: 'CAUSEWAY_MAX_CONNECTIONS',
    schema: integer(1, 1_000_000),
    default: { doc: 'from the open-file limit', compute: () => String(readConnectionLimit()) },
    doc: 'Open connections of clients; further ones are answered `server_full`.',
  }),
  ...AUTH_VARIABLES,
  ...ATTEMPT_VARIABLES,
  region: variable({
    name: 'CAUSEWAY_REGION',
    schema: text(/^[A-Za-z0-9._-]{0,64}$/, 'up to 64 letters, digits, `.`, `_`, `-`'),
    default: '',
    doc: 'Where the node runs, as told to clients.',
  }),
  publicUrl: variable({
    name: 'CAUSEWAY_PUBLIC_URL',
    schema: optional(text(WEB_URL, 'a `ws://` or `wss://` URL')),
    default: '',
    doc: 'Where clients reach this node, as told to them and to other nodes.',
  }),
  realms: variable({
    name: 'CAUSEWAY_REALMS',
    schema: list(realm),
    default: '',
    doc: 'Realms that are served. Empty: all.',
  }),
  nodeLeaseMs: variable({
    name: 'CAUSEWAY_NODE_LEASE_MS',
    schema: integer(500, 5 * MINUTE),
    default: '5000',
    doc: 'Milliseconds after which others may declare a node dead that no longer renews its lease.',
  }),
  heartbeatMs: variable({
    name: 'CAUSEWAY_HEARTBEAT_MS',
    schema: integer(100, 10 * MINUTE),
    default: '25000',
    doc: 'Milliseconds between WebSocket pings; a connection that is silent for two of them is closed.',
  }),
  helloTimeoutMs: variable({
    name: 'CAUSEWAY_HELLO_TIMEOUT_MS',
    schema: integer(100, MINUTE),
    default: '5000',
    doc: 'Milliseconds that a client has for its HELLO.',
  }),
  reservationTtlSeconds: variable({
    name: 'CAUSEWAY_RESERVATION_TTL_SECONDS',
    schema: integer(1, 30 * DAY_SECONDS),
    default: '3600',
    doc: 'Seconds for which a reservation outlives its connection.',
  }),
  sendWindow: variable({
    name: 'CAUSEWAY_SEND_WINDOW',
    schema: integer(1, 65_536),
    default: '256',
    doc: 'Messages that a client may have without a receipt.',
  }),
  ackTimeoutMs: variable({
    name: 'CAUSEWAY_ACK_TIMEOUT_MS',
    schema: integer(50, MINUTE),
    default: '2000',
    doc: 'Milliseconds after which a delivery that is not acknowledged is stored.',
  }),
  drainSeconds: variable({
    name: 'CAUSEWAY_DRAIN_SECONDS',
    schema: integer(1, 3600),
    default: '25',
    doc: 'Seconds that a stop may take: clients are sent away over the first 70 % of it; then what they have not acknowledged is stored, and the inbox settled.',
  }),
  rebalance: variable({
    name: 'CAUSEWAY_REBALANCE',
    schema: oneOf(['manual', 'auto']),
    default: 'manual',
    doc: 'Whether a node that has over 20 % more connections than the mean of all sends the surplus to the others by itself, or only [when told to](admin.md).',
  }),
  mailboxMessages: variable({
    name: 'CAUSEWAY_MAILBOX_MESSAGES',
    schema: integer(1, 1_000_000),
    default: '1000',
    doc: 'Messages that wait for one peer at most.',
  }),
  mailboxBytes: variable({
    name: 'CAUSEWAY_MAILBOX_BYTES',
    schema: integer(KIB, GIB),
    default: '16777216',
    doc: 'Bytes that wait for one peer at most.',
  }),
  mailboxTtlSeconds: variable({
    name: 'CAUSEWAY_MAILBOX_TTL_SECONDS',
    schema: integer(1, 30 * DAY_SECONDS),
    default: '3600',
    doc: 'Seconds that a message waits at most.',
  }),
  realmMailboxBytes: variable({
    name: 'CAUSEWAY_REALM_MAILBOX_BYTES',
    schema: integer(KIB, KIB * GIB),
    default: '1073741824',
    doc: 'Bytes of all mailboxes of a realm together.',
  }),
  policySeed: variable({
    name: 'CAUSEWAY_POLICY_FILE',
    schema: optional(policyFile),
    default: '',
    doc: 'The [policy](limits.md) to begin with, for where there is none yet; what operators change later lives in Redis.',
  }),
  limitsAway: variable({
    name: 'CAUSEWAY_LIMITS_AWAY',
    schema: oneOf(['share', 'open', 'closed']),
    default: 'share',
    doc: 'What holds for the [limits](limits.md) of realms and of the cluster while Redis is away: each node its share of the last known rate, everything passes, or nothing does.',
  }),
  usagePeers: variable({
    name: 'CAUSEWAY_USAGE_PEERS',
    schema: oneOf(['on', 'off']),
    default: 'off',
    doc: 'Whether [usage](usage.md) is kept for each peer, too, and not only for each realm.',
  }),
  usageFlushSeconds: variable({
    name: 'CAUSEWAY_USAGE_FLUSH_SECONDS',
    schema: integer(1, 300),
    default: '5',
    doc: 'Seconds of [usage](usage.md) that a crash may cost: so often each node writes down what is new.',
  }),
  usageKeepDays: variable({
    name: 'CAUSEWAY_USAGE_KEEP_DAYS',
    schema: integer(1, 800),
    default: '40',
    doc: 'Days for which [usage](usage.md) is kept in Redis.',
  }),
  maxPayload: variable({
    name: 'CAUSEWAY_MAX_PAYLOAD',
    schema: integer(1, MOST_PAYLOAD),
    default: String(DEFAULT_MAX_PAYLOAD),
    doc: 'Bytes of one message.',
  }),
  messageBytes: variable({
    name: 'CAUSEWAY_MESSAGE_BYTES',
    schema: integer(2 * MIB, 64 * GIB),
    default: String(256 * MIB),
    doc: 'Bytes that messages without a receipt of all clients of the node may take, each with 2 KiB for itself.',
  }),
  outboundBytes: variable({
    name: 'CAUSEWAY_OUTBOUND_BYTES',
    schema: integer(8 * MIB, 64 * GIB),
    default: String(GIB),
    doc: 'Bytes that wait for the sockets of all clients of the node; as they fill up, slow ones are closed sooner.',
  }),
  linkBytes: variable({
    name: 'CAUSEWAY_LINK_BYTES',
    schema: integer(2 * MIB, 16 * GIB),
    default: String(64 * MIB),
    doc: 'Bytes that wait in memory for one other node.',
  }),
  inboxBytes: variable({
    name: 'CAUSEWAY_INBOX_BYTES',
    schema: integer(2 * MIB, 64 * GIB),
    default: String(256 * MIB),
    doc: 'Bytes in the inbox of one node in Redis.',
  }),
  ...TUNNEL_VARIABLES,
  logLevel: variable({
    name: 'CAUSEWAY_LOG_LEVEL',
    schema: oneOf(LOG_LEVELS),
    default: 'info',
    doc: 'Least level of the records that are logged.',
  }),
} as const;

export type RelayConfig = Config<typeof VARIABLES>;

/** Names that the client and the command line read, which may share an environment with a relay. */
const IGNORED = ['CAUSEWAY_URL', 'CAUSEWAY_ADMIN_URL', 'CAUSEWAY_ADMIN_TOKEN', 'CAUSEWAY_ADMIN_TOKEN_FILE'];

export function loadRelayConfig(env: Environment): Loaded<RelayConfig> {
  const loaded = loadConfig(VARIABLES, env, { prefix: 'CAUSEWAY_', ignored: IGNORED });
  if (!loaded.ok) return loaded;
  const problems = contradictions(loaded.config);
  return problems.length > 0 ? { ok: false, problems } : loaded;
}

/** What each variable allows by itself but not together with others. */
function contradictions(config: RelayConfig): string[] {
  const { processes: count, redisUrl, redisPassword, port: main, sharedPort } = config;
  const problems: string[] = [];
  if (count > 1 && redisUrl === null) {
    problems.push(`CAUSEWAY_PROCESSES is ${count}: several processes need CAUSEWAY_REDIS_URL to form one relay`);
  }
  if (redisPassword !== null && redisUrl === null) {
    problems.push('CAUSEWAY_REDIS_PASSWORD_FILE is set without CAUSEWAY_REDIS_URL');
  }
  if (config.redisMinReplicas > 0 && redisUrl === null) {
    problems.push('CAUSEWAY_REDIS_MIN_REPLICAS is set without CAUSEWAY_REDIS_URL');
  }
  if (config.adminTokens.length > 0 && config.adminTokensFile !== null) {
    problems.push('CAUSEWAY_ADMIN_TOKENS and CAUSEWAY_ADMIN_TOKENS_FILE are both set: put all tokens into one of them');
  }
  if (sharedPort === main) {
    problems.push(`CAUSEWAY_SHARED_PORT is ${sharedPort}, the same as CAUSEWAY_PORT: it must be a second port`);
  }
  if (count > 1 && main === 0 && sharedPort === null) {
    problems.push(`CAUSEWAY_PROCESSES is ${count} and CAUSEWAY_PORT is 0: several processes need a port to share`);
  }
  return [...problems, ...authContradictions(config), ...edgeProblems(config), ...adminContradictions(config)];
}

/** Several processes have admin ports that count up from the first. */
function adminContradictions({ processes: count, port: main, sharedPort, host, adminHost, adminPort }: RelayConfig) {
  const last = adminPort + count - 1;
  const ports = count === 1 ? String(adminPort) : `${adminPort}, and up to ${last} for ${count} processes`;
  if (adminPort === 0) return [];
  if (last > MOST_PORT) return [`CAUSEWAY_ADMIN_PORT is ${ports}: ports end at ${MOST_PORT}`];
  const taken = [main, sharedPort].some((port) => port !== null && port >= adminPort && port <= last);
  if (host !== adminHost || !taken) return [];
  return [`CAUSEWAY_ADMIN_PORT is ${ports}, the same as a public port: it must be one of its own`];
}
