// Whether the relay in this container is ready: 0, or 1 with the reason. By itself it needs no shell and no curl.
const WITHIN_MS = 3000;
const EVERY_ADDRESS = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' };

const { CAUSEWAY_ADMIN_HOST = '', CAUSEWAY_ADMIN_PORT } = process.env;
const host = EVERY_ADDRESS[CAUSEWAY_ADMIN_HOST] ?? CAUSEWAY_ADMIN_HOST;
const url = `http://${host.includes(':') ? `[${host}]` : host}:${CAUSEWAY_ADMIN_PORT || 7071}/health/ready`;

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
} catch (error) {
  console.error(`${url}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
