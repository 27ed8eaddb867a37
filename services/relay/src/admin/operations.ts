import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { ConsistencyReport } from '../core/consistency.ts';
import type { ForeignReservations, NodeLoad, PeerRecord, WindowState } from '../core/inspection-ports.ts';
import type { AllowQuestion, AllowReply } from '../core/limits.ts';
import type { Problem } from '../core/live-documents.ts';
import type { Buckets, Cap } from '../core/policy.ts';
import type { NodeRecord, Unavailable } from '../core/ports.ts';
import type { Top } from '../core/rates.ts';
import type { RebalanceReply } from '../core/rebalance.ts';
import type { AuditEntry, DocumentVersion } from '../core/shared-ports.ts';
import type { UsageQuery, UsageReport } from '../core/usage-report.ts';

/** What an operator can ask of a node, by what it is about. Nothing here rejects for a fault of the store. */
export interface Operations {
  readonly nodes: NodeOperations;
  readonly peers: PeerOperations;
  readonly access: AccessOperations;
  readonly limits: LimitOperations;
  readonly usage: UsageOperations;
  readonly coordination: CoordinationOperations;
  readonly audit: AuditOperations;
}

export interface NodeView extends Omit<NodeRecord, 'steadySince' | 'v'> {
  readonly self: boolean;
  /** Null: the node did not answer within a second. */
  readonly load: NodeLoad | null;
}

export interface NodeOperations {
  /** The node that is asked. */
  readonly self: NodeId;
  /** Milliseconds that a drain may take. */
  readonly drainMs: number;
  connections(): number;
  /** Sends all clients away, settles everything and ends the process. Repeated calls change nothing. */
  drain(): void;
  rebalance(limit: number | undefined): RebalanceReply | { readonly kind: 'draining' };
  consistency(): Promise<ConsistencyReport>;
  /** All nodes of the cluster that have not been reaped. */
  list(): Promise<readonly NodeView[]>;
  /** Has another node do it, which does not answer. */
  tell(
    node: NodeId,
    order: { readonly kind: 'drain' } | { readonly kind: 'rebalance'; readonly limit: number | null },
  ): Promise<{ kind: 'published' } | { kind: 'unknown' } | Unavailable>;
}

export interface PeerView {
  readonly record: PeerRecord;
  /** Null while the peer is offline, or when its node did not answer. */
  readonly window: WindowState | null;
  readonly limits: { readonly peer: Buckets; readonly realm: Buckets; readonly cluster: Buckets };
}

export interface PeerOperations {
  look(key: PeerKey): Promise<{ kind: 'looked'; view: PeerView } | { kind: 'unknown' } | Unavailable>;
  /** Closes the peer's connection, wherever it is. */
  disconnect(key: PeerKey, reason: string): Promise<{ kind: 'disconnected' } | { kind: 'offline' } | Unavailable>;
  purge(key: PeerKey): Promise<{ kind: 'purged'; messages: number; bytes: number } | { kind: 'unknown' } | Unavailable>;
  /** `online`: the peer came back again and again. */
  erase(key: PeerKey): Promise<{ kind: 'erased' } | { kind: 'unknown' } | { kind: 'online' } | Unavailable>;
}

export type AccessList = 'bans' | 'allow' | 'revocations';

/** An entry of a list as it was asked for; `until` in milliseconds since 1970, null for ever. */
export interface AccessAddition {
  readonly kind: string;
  readonly realm?: RealmName | undefined;
  readonly peer?: string | undefined;
  readonly range?: string | undefined;
  readonly token?: string | undefined;
  readonly reason: string;
  readonly until: number | null;
}

export interface AccessOperations {
  look(): Promise<
    { kind: 'access'; version: number; lists: Readonly<Record<AccessList, readonly object[]>> } | Unavailable
  >;
  add(
    list: AccessList,
    entry: AccessAddition,
    by: string,
  ): Promise<
    | { kind: 'changed'; id: string; version: number }
    | { kind: 'invalid'; problems: readonly Problem[] }
    | { kind: 'conflict'; version: number }
    | Unavailable
  >;
  remove(
    list: AccessList,
    id: string,
    by: string,
  ): Promise<
    { kind: 'changed'; version: number } | { kind: 'missing' } | { kind: 'conflict'; version: number } | Unavailable
  >;
}

/** What holds once everything is inherited; null where it was not asked for. */
export interface EffectiveLimits {
  readonly auth: string | null;
  readonly cluster: Buckets;
  readonly realm: Buckets | null;
  readonly peer: Buckets | null;
  readonly caps: Readonly<Record<Cap, number | null>> | null;
}

export type LimitsChanged =
  | { kind: 'written'; version: number }
  | { kind: 'conflict'; version: number }
  | { kind: 'invalid'; problems: readonly Problem[] }
  | Unavailable;

export interface LimitOperations {
  /** The form of a policy, as JSON Schema. */
  readonly policySchema: object;
  /** Null: nobody has written one. */
  read(): Promise<{ kind: 'document'; document: DocumentVersion | null } | Unavailable>;
  history(count: number): Promise<{ kind: 'history'; versions: readonly DocumentVersion[] } | Unavailable>;
  /** @param version the one that the policy is based on */
  write(policy: unknown, version: number, by: string, note: string): Promise<LimitsChanged>;
  /** `unknown`: there is no version `to`, or it is not kept any more. */
  rollBack(to: number, version: number, by: string): Promise<LimitsChanged | { kind: 'unknown' }>;
  /** @param peer of the realm; null: one that has no limits of its own */
  effective(
    realm: RealmName | null,
    key: PeerKey | null,
  ): Promise<{ kind: 'limits'; limits: EffectiveLimits } | Unavailable>;
}

export interface UsageOperations {
  read(query: UsageQuery): Promise<UsageReport>;
  top(count: number): Promise<{ kind: 'top'; top: Top } | Unavailable>;
}

/** For relays that are not ours. */
export interface CoordinationOperations extends ForeignReservations {
  allow(question: AllowQuestion): Promise<AllowReply>;
}

export interface AuditOperations {
  /** Never fails: what cannot be appended is logged. */
  append(by: string, action: string, details: object): Promise<void>;
  read(count: number): Promise<{ kind: 'entries'; entries: readonly AuditEntry[] } | Unavailable>;
}
