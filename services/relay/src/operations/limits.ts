import type { PeerId, RealmName } from '@causeway/protocol';
import { z } from 'zod';
import { parsePolicy, policySchema } from '../access/policy-schema.ts';
import type { EffectiveLimits, LimitOperations, LimitsChanged } from '../admin/operations.ts';
import { type PeerKey, peerKey } from '../core/address.ts';
import type { AuthPolicy, Policy } from '../core/policy.ts';
import type { ReservationLimits, Store, Unavailable } from '../core/ports.ts';

/** Stands for any peer of a realm; it is nobody's id, so nothing is set for it. */
const ANY_PEER = '' as PeerId;
const UNWRITABLE = 'is nested too deeply, or holds a number that is too large';

export interface LimitsDeps {
  readonly store: Pick<Store, 'documents' | 'peers'>;
  /** The policy in force on this node. */
  readonly policy: () => Policy;
  /** Holds where the policy says nothing of a realm. */
  readonly defaultAuth: AuthPolicy;
  readonly mailboxTtlMs: number;
}

export class LimitDesk implements LimitOperations {
  readonly policySchema = z.toJSONSchema(policySchema);
  private readonly deps: LimitsDeps;

  constructor(deps: LimitsDeps) {
    this.deps = deps;
  }

  read() {
    return this.deps.store.documents.read('policy');
  }

  history(count: number) {
    return this.deps.store.documents.history('policy', 0, count);
  }

  async write(policy: unknown, version: number, by: string, note: string): Promise<LimitsChanged> {
    const text = textOf(policy);
    if (text === null) return { kind: 'invalid', problems: [{ path: '', message: UNWRITABLE }] };
    const parsed = parsePolicy(text);
    return parsed.ok ? this.put(text, version, by, note) : { kind: 'invalid', problems: parsed.problems };
  }

  async rollBack(to: number, version: number, by: string): Promise<LimitsChanged | { kind: 'unknown' }> {
    const { documents } = this.deps.store;
    const present = await documents.versions();
    if (present.kind === 'unavailable') return present;
    const reply = await documents.history('policy', Math.max(present.versions.policy - to, 0), 1);
    if (reply.kind === 'unavailable') return reply;
    const earlier = reply.versions.find((one) => one.version === to);
    return earlier === undefined ? { kind: 'unknown' } : this.put(earlier.text, version, by, `back to version ${to}`);
  }

  async effective(
    realm: RealmName | null,
    key: PeerKey | null,
  ): Promise<{ kind: 'limits'; limits: EffectiveLimits } | Unavailable> {
    const policy = this.deps.policy();
    const cluster = policy.cluster();
    if (realm === null) return { kind: 'limits', limits: { auth: null, cluster, realm: null, peer: null, caps: null } };
    const own = await this.reserved(key);
    if (own.kind === 'unavailable') return own;
    const limits: EffectiveLimits = {
      auth: policy.auth(realm, this.deps.defaultAuth),
      cluster,
      realm: policy.realm(realm),
      peer: policy.peer(key ?? peerKey(realm, ANY_PEER), own.limits),
      caps: {
        connections: policy.cap(realm, 'connections'),
        reservations: policy.cap(realm, 'reservations'),
        watched: policy.cap(realm, 'watched'),
        rooms: policy.cap(realm, 'rooms'),
        mailboxBytes: policy.cap(realm, 'mailboxBytes'),
      },
    };
    return { kind: 'limits', limits };
  }

  private async put(text: string, version: number, by: string, note: string): Promise<LimitsChanged> {
    const reply = await this.deps.store.documents.write('policy', version, { text, by, note });
    return reply.kind === 'written' ? { kind: 'written', version: reply.document.version } : reply;
  }

  /** What the peer's reservation carries. */
  private async reserved(key: PeerKey | null): Promise<{ kind: 'limits'; limits: ReservationLimits } | Unavailable> {
    if (key === null) return { kind: 'limits', limits: {} };
    const reply = await this.deps.store.peers.look(key, this.deps.mailboxTtlMs);
    return reply.kind === 'unavailable' ? reply : { kind: 'limits', limits: reply.record?.reservation?.limits ?? {} };
  }
}

/** Null for what the platform reads from JSON and cannot write: it would fail, or `null` would stand for a number. */
function textOf(policy: unknown): string | null {
  try {
    return JSON.stringify(policy, (_, value: unknown) => {
      if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(UNWRITABLE);
      return value;
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
