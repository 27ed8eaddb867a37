/** Scheme, host, port. A host is a name, with `*.` in front for all below it, or an address. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/;
/** What browsers call an origin that they do not tell: a local file, a sandboxed frame. */
const OPAQUE = 'null';
const WILDCARD = '*.';
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443', ws: '80', wss: '443' };
const MOST_PORT = 65_535;

/**
 * An origin (RFC 6454), or a pattern for all hosts below a name (`https://*.example.com`, which does not match
 * `https://example.com`), in one form: lower case, without the scheme's default port. Null for anything else.
 */
export function parseOrigin(text: string): string | null {
  const lower = text.toLowerCase();
  if (lower === OPAQUE) return OPAQUE;
  const [, scheme, wildcard = '', host, portText] = ORIGIN.exec(lower) ?? [];
  if (scheme === undefined || host === undefined) return null;
  if (wildcard !== '' && host.startsWith('[')) return null;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port === 0 || port > MOST_PORT)) return null;
  const shown = port === undefined || String(port) === DEFAULT_PORTS[scheme] ? '' : `:${port}`;
  return `${scheme}://${wildcard}${host}${shown}`;
}

/** The origins of web pages that may open connections. */
export class Origins {
  readonly #exact = new Set<string>();
  readonly #below: { readonly scheme: string; readonly suffix: string }[] = [];

  /** @param patterns as `parseOrigin` gives them */
  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const at = pattern.indexOf(WILDCARD);
      if (at < 0) this.#exact.add(pattern);
      else this.#below.push({ scheme: pattern.slice(0, at), suffix: pattern.slice(at + 1) });
    }
  }

  /** @param origin the header's value */
  allows(origin: string): boolean {
    const parsed = parseOrigin(origin);
    if (parsed === null || parsed.includes(WILDCARD)) return false;
    return (
      this.#exact.has(parsed) ||
      this.#below.some(({ scheme, suffix }) => parsed.startsWith(scheme) && parsed.endsWith(suffix))
    );
  }
}
