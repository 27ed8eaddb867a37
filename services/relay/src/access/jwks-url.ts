import { createRemoteJWKSet, customFetch, type FetchImplementation, type RemoteJWKSet } from 'jose';
import type { Clock, Log } from '../core/clock.ts';
import { readJson, reasonOf } from './http-body.ts';
import { fits, readKeySet, type TokenKey, type TokenKeys, type WantedKey } from './token-keys.ts';

/** Milliseconds after which the keys are fetched again: for so long a key that was taken back is still believed. */
const FRESH_MS = 10 * 60_000;
/** Milliseconds between two fetches because of a key that is not there: anyone can invent one. */
const COOLDOWN_MS = 30_000;
/** Milliseconds until the next try when the URL failed. */
const RETRY_MS = 5000;
const TIMEOUT_MS = 3000;
const MAX_BYTES = 256 * 1024;

export interface RemoteKeysDeps {
  readonly url: URL;
  readonly clock: Clock;
  readonly log: Log;
  /** The keys are others now: what was believed because of them must be looked at again. */
  readonly onChange: () => void;
}

/** The keys of a JWKS URL, kept as they were last when it fails. */
export class RemoteKeys implements TokenKeys {
  private readonly deps: RemoteKeysDeps;
  private readonly remote: RemoteJWKSet;
  private keys: readonly TokenKey[] = [];
  /** The set as it was read last, to notice a change. */
  private text = '';
  /** When the fetch of the present keys began; null before the first. */
  private fetchedAt: number | null = null;
  private notBefore = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> | null = null;

  constructor(deps: RemoteKeysDeps) {
    this.deps = deps;
    this.remote = createRemoteJWKSet(deps.url, { timeoutDuration: TIMEOUT_MS, [customFetch]: fetchBounded });
  }

  async find(wanted: WantedKey): Promise<{ keys: readonly TokenKey[]; certain: boolean }> {
    const asked = this.deps.clock.now();
    if (this.fetchedAt === null || this.fetchedAt + FRESH_MS <= asked) await this.refresh();
    let keys = this.keys.filter((key) => fits(key, wanted));
    if (keys.length === 0) {
      await this.refresh();
      keys = this.keys.filter((key) => fits(key, wanted));
    }
    return { keys, certain: keys.length > 0 || (this.fetchedAt ?? Number.NEGATIVE_INFINITY) >= asked };
  }

  /** Fetches, unless that was done just now; those who ask meanwhile wait for the same answer. */
  private refresh(): Promise<void> {
    if (this.fetching === null && this.deps.clock.now() >= this.notBefore) {
      this.fetching = this.fetch().finally(() => {
        this.fetching = null;
      });
    }
    return this.fetching ?? Promise.resolve();
  }

  private async fetch(): Promise<void> {
    const { clock, log, url } = this.deps;
    const began = clock.now();
    try {
      await this.remote.reload();
      this.notBefore = clock.now() + COOLDOWN_MS;
      this.fetchedAt = began;
      this.take(this.remote.jwks());
    } catch (error) {
      this.notBefore = clock.now() + RETRY_MS;
      const fields = { host: url.host, reason: reasonOf(error), kept: this.keys.length };
      log.warn(fields, 'the keys for tokens could not be fetched; the last ones stay in force');
    }
  }

  private take(json: unknown): void {
    const text = JSON.stringify(json);
    if (text === this.text) return;
    const { keys, problems } = readKeySet(json, false);
    this.text = text;
    this.keys = keys;
    const { log, url, onChange } = this.deps;
    log.info({ host: url.host, keys: keys.length }, 'the keys for tokens have changed');
    if (problems.length > 0) log.warn({ host: url.host, problems }, 'some keys for tokens are not used');
    onChange();
  }
}

const fetchBounded: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  if (response.status !== 200) return response;
  return Response.json(await readJson(response, MAX_BYTES));
};
