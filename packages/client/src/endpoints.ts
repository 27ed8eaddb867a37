import { PATH } from '@causeway/protocol';
import { UsageError } from './errors.ts';

const WEB_SOCKET_SCHEME: Record<string, string> = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' };

/**
 * The WebSocket URL of a relay: http and https become ws and wss, and an empty path becomes the protocol's.
 * @throws UsageError `bad_option` when the text is no such URL
 */
export function relayUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const scheme = url && WEB_SOCKET_SCHEME[url.protocol];
  if (!url || !scheme) {
    throw new UsageError(
      'bad_option',
      `not a relay URL: ${JSON.stringify(text)} (expected ws://, wss://, http:// or https://)`,
    );
  }
  const path = url.pathname === '/' ? PATH : url.pathname;
  const credentials = url.username ? `${url.username}${url.password && `:${url.password}`}@` : '';
  return `${scheme}//${credentials}${url.host}${path}${url.search}`;
}

/** A URL as it may appear in a log: without user, password and query, which may hold secrets. */
export function loggableUrl(text: string): string {
  const url = new URL(text);
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The relays to try, in turn. Those that a leaving relay named come first, once each. */
export class Endpoints {
  readonly #urls: readonly string[];
  #named: string[] = [];
  #next = 0;

  constructor(urls: readonly string[]) {
    if (urls.length === 0) throw new UsageError('bad_option', 'at least one relay URL is needed');
    this.#urls = urls.map(relayUrl);
  }

  /** The URL to try now. */
  current(): string {
    return this.#named[0] ?? (this.#urls[this.#next] as string);
  }

  /** The current one did not work, or its connection ended: go on to the one after it. */
  advance(): void {
    if (this.#named.shift() === undefined) this.#next = (this.#next + 1) % this.#urls.length;
  }

  /**
   * Puts the relays that `from` recommended before all others. One that is no URL, or that would give up the
   * encryption of `from`, is left out.
   * @returns the URLs left out
   */
  prefer(urls: readonly string[], from: string): string[] {
    const refused: string[] = [];
    this.#named = [];
    for (const text of urls) {
      const url = URL.canParse(text) && new URL(text).protocol in WEB_SOCKET_SCHEME ? relayUrl(text) : null;
      if (url === null || (from.startsWith('wss:') && !url.startsWith('wss:'))) refused.push(text);
      else this.#named.push(url);
    }
    return refused;
  }
}
