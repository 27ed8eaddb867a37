/** Where Redis is, as `CAUSEWAY_REDIS_URL` says it. */
export interface RedisTarget {
  readonly mode: 'standalone' | 'cluster' | 'sentinel';
  /** The server, nodes of the cluster to start from, or the Sentinels. */
  readonly addresses: readonly RedisAddress[];
  readonly tls: boolean;
  /** Empty: none. */
  readonly username: string;
  /** Empty: none. */
  readonly password: string;
  /** Database number; 0 in a cluster. */
  readonly db: number;
  /** Sentinel's name for the primary; empty otherwise. */
  readonly primaryName: string;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export type RedisUrlResult = { readonly ok: true; readonly target: RedisTarget } | { ok: false; error: string };

const FORMS = 'redis://host:port, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name';
const URL_PARTS = /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/]*)@)?([^@/]*)(?:\/([^/]*))?$/;
const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::([0-9]{1,5}))?$/;
const DEFAULT_PORT = { standalone: 6379, cluster: 6379, sentinel: 26379 } as const;

/**
 * Reads `redis://[user:pass@]host:port[/db]`, `redis+cluster://h1:p1,h2:p2`, `redis+sentinel://h1:p1,h2:p2/name`, and
 * the same with `rediss` for TLS. User and password are percent-encoded.
 * @param secretPassword password from elsewhere (a file); it must not be in the URL as well. Empty: none.
 */
export function parseRedisUrl(text: string, secretPassword = ''): RedisUrlResult {
  const parts = URL_PARTS.exec(text.trim());
  if (!parts) return fail(`not a Redis URL: expected ${FORMS}`);
  const [, scheme, form, userInfo = '', hosts = '', path = ''] = parts;
  const mode = form === 'cluster' || form === 'sentinel' ? form : 'standalone';

  const user = parseUserInfo(userInfo, secretPassword);
  if (typeof user === 'string') return fail(user);
  const addresses = parseAddresses(hosts, mode);
  if (typeof addresses === 'string') return fail(addresses);
  const place = parsePath(path, mode);
  if (typeof place === 'string') return fail(place);
  return { ok: true, target: { mode, addresses, tls: scheme === 'rediss', ...user, ...place } };
}

function fail(error: string): RedisUrlResult {
  return { ok: false, error };
}

function parseUserInfo(text: string, secretPassword: string): { username: string; password: string } | string {
  const colon = text.indexOf(':');
  const username = decode(colon === -1 ? text : text.slice(0, colon));
  const password = decode(colon === -1 ? '' : text.slice(colon + 1));
  if (username === null || password === null) return 'user and password must be percent-encoded';
  if (password !== '' && secretPassword !== '') return 'the password is given twice: in the URL and in a file';
  const given = password || secretPassword;
  if (username !== '' && given === '') return `user "${username}" has no password`;
  return { username, password: given };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function parseAddresses(text: string, mode: RedisTarget['mode']): RedisAddress[] | string {
  const addresses: RedisAddress[] = [];
  for (const item of text.split(',')) {
    const [, host, digits] = ADDRESS.exec(item.trim()) ?? [];
    const port = digits === undefined ? DEFAULT_PORT[mode] : Number(digits);
    if (host === undefined || port < 1 || port > 65535) return `"${item}" is not host:port`;
    addresses.push({ host: host.replace(/^\[|\]$/g, ''), port });
  }
  if (mode === 'standalone' && addresses.length > 1) {
    return 'redis:// names one server: use redis+cluster:// or redis+sentinel:// for several';
  }
  return addresses;
}

function parsePath(path: string, mode: RedisTarget['mode']): { db: number; primaryName: string } | string {
  if (mode === 'sentinel') {
    if (path === '') return 'redis+sentinel:// needs the name of the primary at its end, as in /mymaster';
    return { db: 0, primaryName: path };
  }
  if (path === '') return { db: 0, primaryName: '' };
  if (mode === 'cluster') return 'a Redis Cluster has no databases: nothing may follow the addresses';
  if (!/^[0-9]{1,4}$/.test(path)) return `"${path}" is not a database number`;
  return { db: Number(path), primaryName: '' };
}
