import type { HelloFrame, NodeId, PeerId, RealmName } from '@causeway/protocol';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { networkOf } from '../core/attempts.ts';
import type { Refused } from '../core/authenticator.ts';
import type { Clock, Log } from '../core/clock.ts';
import type { ReservationLimits } from '../core/ports.ts';
import { Turnstile } from '../core/turnstile.ts';
import { readJson, reasonOf } from './http-body.ts';
import { refused } from './refusals.ts';
import { definedLimits, grantedLimits } from './token-scheme.ts';

const DEFAULT_TTL_SECONDS = 60;
const MAX_TTL_SECONDS = 86_400;
/** Answers that are kept, each of about a hundred bytes. */
const MAX_ANSWERS = 10_000;
/** Requests under way at once; further ones wait, within the same timeout. */
const MAX_REQUESTS = 64;
const MAX_BYTES = 16 * 1024;
/** The hook's failures are logged once in this time, with their number. */
const LOG_EVERY_MS = 10_000;

const answer = z.object({
  allow: z.boolean(),
  reason: z.string().max(512).optional(),
  limits: grantedLimits.optional(),
  ttlSeconds: z.number().min(0).max(MAX_TTL_SECONDS).default(DEFAULT_TTL_SECONDS),
});

export interface AdmissionQuestion {
  readonly realm: RealmName;
  readonly peer: PeerId;
  readonly address: string;
  readonly scheme: NonNullable<HelloFrame['auth']>['scheme'];
  /** The client's software, as it says. */
  readonly client: string | null;
  readonly node: NodeId;
}

export interface Admitted {
  readonly kind: 'admitted';
  readonly limits: ReservationLimits;
}

export interface AdmissionHookOptions {
  readonly url: URL;
  /** Sent as a bearer token; null: none. */
  readonly secret: string | null;
  readonly timeoutMs: number;
  /** What holds when the hook does not answer as it should: everyone may come in, or nobody. */
  readonly failure: 'open' | 'closed';
  readonly clock: Clock;
  readonly log: Log;
}

const OPENLY: Admitted = { kind: 'admitted', limits: {} };

/** Asks a service of the operator's whether a member may come in. */
export class AdmissionHook {
  private readonly options: AdmissionHookOptions;
  private readonly headers: Record<string, string>;
  private readonly turnstile = new Turnstile(MAX_REQUESTS);
  private readonly answers: LRUCache<string, Admitted | Refused, AdmissionQuestion>;
  private failures = 0;
  private logAt = Number.NEGATIVE_INFINITY;

  constructor(options: AdmissionHookOptions) {
    this.options = options;
    this.headers = {
      'content-type': 'application/json',
      ...(options.secret !== null && { authorization: `Bearer ${options.secret}` }),
    };
    this.answers = new LRUCache<string, Admitted | Refused, AdmissionQuestion>({
      max: MAX_ANSWERS,
      ttl: DEFAULT_TTL_SECONDS * 1000,
      ttlResolution: 0,
      perf: options.clock,
      // Whoever waits gets the answer, also when all are forgotten meanwhile.
      ignoreFetchAbort: true,
      fetchMethod: async (_key, _stale, { context, options: kept }) => {
        const { ttlMs, reply } = await this.ask(context);
        kept.ttl = ttlMs;
        return reply;
      },
    });
  }

  /** Never rejects. Those who ask the same at once share one request. */
  async admit(question: AdmissionQuestion): Promise<Admitted | Refused> {
    const { realm, peer, address } = question;
    try {
      const reply = await this.answers.fetch(`${realm}/${peer} ${networkOf(address)}`, { context: question });
      if (reply !== undefined) return reply;
      throw new Error('the answer was lost');
    } catch (error) {
      this.failed(error);
      if (this.options.failure === 'open') return OPENLY;
      return refused('unavailable', 'it could not be decided whether you may come in');
    }
  }

  /** The next to come is asked for anew. */
  forget(): void {
    this.answers.clear();
  }

  private async ask(question: AdmissionQuestion): Promise<{ ttlMs: number; reply: Admitted | Refused }> {
    const { url, timeoutMs } = this.options;
    const signal = AbortSignal.timeout(timeoutMs);
    await new Promise<void>((resolve) => this.turnstile.enter(resolve));
    try {
      signal.throwIfAborted();
      const body = JSON.stringify(question);
      const response = await fetch(url, { method: 'POST', headers: this.headers, body, signal, redirect: 'error' });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`the hook answered ${response.status}`);
      }
      const { allow, reason, limits, ttlSeconds } = answer.parse(await readJson(response, MAX_BYTES));
      // 0 would mean for ever.
      const ttlMs = Math.max(1, Math.round(ttlSeconds * 1000));
      if (allow) return { ttlMs, reply: { kind: 'admitted', limits: definedLimits(limits) } };
      return { ttlMs, reply: refused('forbidden', reason ?? 'you may not come in') };
    } finally {
      this.turnstile.leave();
    }
  }

  private failed(error: unknown): void {
    const { clock, log, url, failure } = this.options;
    this.failures += 1;
    if (clock.now() < this.logAt) return;
    this.logAt = clock.now() + LOG_EVERY_MS;
    const reason = error instanceof z.ZodError ? 'the answer is not as it should be' : reasonOf(error);
    log.warn({ host: url.host, reason, failures: this.failures, failure }, 'the admission hook failed');
    this.failures = 0;
  }
}
