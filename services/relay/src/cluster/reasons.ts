/** Errors of Redis whose code says enough. */
const CODES: ReadonlySet<string> = new Set([
  'OOM',
  'READONLY',
  'LOADING',
  'BUSY',
  'MISCONF',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'UNBLOCKED',
  'NOAUTH',
  'NOPERM',
  'WRONGPASS',
  'WRONGTYPE',
]);

/** With these Redis says that a command was not carried out. */
const REFUSALS: ReadonlySet<string> = new Set(['OOM', 'READONLY', 'LOADING', 'BUSY', 'MISCONF', 'CLUSTERDOWN']);

const NO_CONNECTION =
  /connection is closed|stream isn't writeable|cluster isn't ready|cluster is ended|failed to refresh slots cache|max retries per request|none of startup nodes|socket timeout|ECONN|EPIPE|ENOTFOUND|EHOSTUNREACH/i;
const REDIRECTED = 'Too many Cluster redirections. Last error: ';
const MAX_REASON = 120;

/** A short reason for `Unavailable`: the code of Redis's error, `timeout`, `no connection`, or the start of the error's own text. */
export function reasonOf(error: unknown): string {
  const full = error instanceof Error ? error.message : String(error);
  const text = full.replace(REDIRECTED, '').replace(/^(\w*Error: )+/, '');
  const [code = ''] = text.split(' ', 1);
  if (CODES.has(code)) return code;
  if (/timed out/i.test(text)) return 'timeout';
  return NO_CONNECTION.test(text) ? 'no connection' : text.slice(0, MAX_REASON);
}

/** Whether a command that failed for this reason had no effect. */
export function isRefusal(reason: string): boolean {
  return REFUSALS.has(reason);
}
