import type { RealmName } from '@causeway/protocol';
import { type PeerKey, realmOf } from './address.ts';
import type { ReservationLimits } from './records.ts';

/** Who may take a peer id in a realm (PROTOCOL section 2). */
export const AUTH_POLICIES = ['open', 'open-sticky', 'token', 'key'] as const;
export type AuthPolicy = (typeof AUTH_POLICIES)[number];

/** A token bucket's size and how fast it fills, in messages or bytes. */
export interface Rate {
  readonly perSecond: number;
  /** What may pass at once; without it what one second brings. */
  readonly burst?: number | undefined;
}

/** An absent limit is inherited; null lifts an inherited one. */
export interface Limits {
  readonly messages?: Rate | null | undefined;
  readonly bytes?: Rate | null | undefined;
}

/** What all peers of a realm together may hold; absent is inherited, null lifts it. */
export interface Caps {
  readonly connections?: number | null | undefined;
  readonly reservations?: number | null | undefined;
  readonly watched?: number | null | undefined;
  readonly rooms?: number | null | undefined;
  readonly mailboxBytes?: number | null | undefined;
}

export interface RealmPolicy {
  readonly auth?: AuthPolicy | undefined;
  /** Of the realm's peers together. */
  readonly realm?: Limits | undefined;
  /** Of each peer. */
  readonly peer?: Limits | undefined;
  readonly caps?: Caps | undefined;
}

/** What operators agree on, for the whole cluster: one document, changed while it runs. */
export interface PolicyDocument {
  readonly cluster?: Limits | undefined;
  readonly defaults?: RealmPolicy | undefined;
  readonly realms?: Readonly<Record<string, RealmPolicy>> | undefined;
  /** By `<realm>/<peer>`. */
  readonly peers?: Readonly<Record<string, Limits>> | undefined;
}

/** A bucket with all its numbers. */
export interface Bucket {
  readonly perSecond: number;
  readonly burst: number;
}

/** Null: there is no limit. */
export interface Buckets {
  readonly messages: Bucket | null;
  readonly bytes: Bucket | null;
}

export type Cap = keyof Caps;
export const NO_LIMITS: Buckets = { messages: null, bytes: null };

/** The document as the relay asks it: what holds for a realm or a peer once everything is inherited. */
export class Policy {
  /** 0: nobody has written one. */
  readonly version: number;
  private readonly document: PolicyDocument;
  /** A payload of this size must pass every bucket of bytes when that is full. */
  private readonly maxPayload: number;

  constructor(document: PolicyDocument, version: number, maxPayload: number) {
    this.document = document;
    this.version = version;
    this.maxPayload = maxPayload;
  }

  auth(realm: RealmName, otherwise: AuthPolicy): AuthPolicy {
    return this.of(realm)?.auth ?? this.document.defaults?.auth ?? otherwise;
  }

  cluster(): Buckets {
    return this.buckets([this.document.cluster]);
  }

  realm(realm: RealmName): Buckets {
    return this.buckets([this.of(realm)?.realm, this.document.defaults?.realm]);
  }

  /** @param own what the peer's reservation carries, out of its token; an override of the operator's goes before it */
  peer(key: PeerKey, own: ReservationLimits): Buckets {
    const { peers, defaults } = this.document;
    return this.buckets([lookUp(peers, key), asLimits(own), this.of(realmOf(key))?.peer, defaults?.peer]);
  }

  cap(realm: RealmName, cap: Cap): number | null {
    const own = this.of(realm)?.caps?.[cap];
    return (own === undefined ? this.document.defaults?.caps?.[cap] : own) ?? null;
  }

  private of(realm: RealmName): RealmPolicy | undefined {
    return lookUp(this.document.realms, realm);
  }

  /** The first that says anything of a unit holds for it. */
  private buckets(levels: readonly (Limits | undefined)[]): Buckets {
    const messages = levels.find((limits) => limits?.messages !== undefined)?.messages ?? null;
    const bytes = levels.find((limits) => limits?.bytes !== undefined)?.bytes ?? null;
    return { messages: toBucket(messages, 1), bytes: toBucket(bytes, this.maxPayload) };
  }
}

function lookUp<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

function asLimits({ messagesPerSecond, bytesPerSecond }: ReservationLimits): Limits {
  return {
    ...(messagesPerSecond !== undefined && { messages: { perSecond: messagesPerSecond } }),
    ...(bytesPerSecond !== undefined && { bytes: { perSecond: bytesPerSecond } }),
  };
}

function toBucket(rate: Rate | null, leastBurst: number): Bucket | null {
  if (rate === null) return null;
  const { perSecond, burst = perSecond } = rate;
  return { perSecond, burst: Math.max(burst, leastBurst) };
}
