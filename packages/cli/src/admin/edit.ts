import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { Assignment } from './assignments.ts';
import { type AdminClient, ApiError } from './client.ts';
import type { Scope } from './names.ts';
import type { Limits, PolicyDocument, Rate, RealmPolicy } from './policy.ts';

const ATTEMPTS = 5;
/** Milliseconds, at most, between two attempts, so that two that edit at once get out of step. */
const MAX_PAUSE_MS = 100;

export interface LimitsBody {
  /** 0: there are none yet. */
  readonly version: number;
  readonly policy: PolicyDocument;
  readonly by: string;
  readonly note: string;
  /** Null while there are none. */
  readonly at: number | null;
}

type RateAssignment = Extract<Assignment, { readonly kind: 'rate' }>;

/** A table with `name` changed; without it when nothing is left there. */
function withEntry<T extends object>(
  table: Readonly<Record<string, T>> | undefined,
  name: string,
  change: (entry: T | undefined) => T,
): Readonly<Record<string, T>> {
  const changed = change(table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined);
  const others = Object.entries(table ?? {}).filter(([other]) => other !== name);
  return Object.fromEntries(Object.keys(changed).length === 0 ? others : [...others, [name, changed]]);
}

/** The document with the changes; nothing else in it is touched. */
export function edit(document: PolicyDocument, scope: Scope, changes: readonly Assignment[]): PolicyDocument {
  switch (scope.kind) {
    case 'cluster':
      return compact({ ...document, cluster: editLimits(document.cluster, ratesOf(changes, 'all')) });
    case 'defaults':
      return compact({ ...document, defaults: editRealm(document.defaults, changes) });
    case 'realm': {
      const realms = withEntry(document.realms, scope.realm, (policy) => editRealm(policy, changes));
      return compact({ ...document, realms });
    }
    case 'peer': {
      const name = `${scope.realm}/${scope.peer}`;
      const peers = withEntry(document.peers, name, (limits) => editLimits(limits, ratesOf(changes, 'all')));
      return compact({ ...document, peers });
    }
  }
}

function ratesOf(changes: readonly Assignment[], level: RateAssignment['level']): RateAssignment[] {
  return changes.filter((change): change is RateAssignment => change.kind === 'rate' && change.level === level);
}

function editRealm(policy: RealmPolicy = {}, changes: readonly Assignment[]): RealmPolicy {
  const caps = changes.flatMap((change) => (change.kind === 'cap' ? [[change.cap, change.value] as const] : []));
  const auth = changes.findLast((change) => change.kind === 'auth');
  return compact({
    ...policy,
    realm: editLimits(policy.realm, ratesOf(changes, 'all')),
    peer: editLimits(policy.peer, ratesOf(changes, 'each')),
    caps: compact({ ...policy.caps, ...Object.fromEntries(caps) }),
    ...(auth !== undefined && { auth: auth.value }),
  });
}

function editLimits(limits: Limits = {}, changes: readonly RateAssignment[]): Limits {
  // A burst may come before the rate that it belongs to.
  const inOrder = [...changes].sort((a, b) => Number(a.field === 'burst') - Number(b.field === 'burst'));
  let edited = limits;
  for (const change of inOrder) edited = compact({ ...edited, [change.unit]: editRate(edited[change.unit], change) });
  return edited;
}

function editRate(rate: Rate | null | undefined, { field, key, unit, value }: RateAssignment): Rate | null | undefined {
  if (field === 'perSecond') return value === null || value === undefined ? value : { ...rate, perSecond: value };
  if (rate) return compact<Rate>({ ...rate, burst: value ?? undefined });
  if (value === undefined) return rate;
  throw new Failure(
    ExitCode.usage,
    `${key} needs a rate: there is none for ${unit}, set ${key.replace(/-burst$/, '')} as well`,
  );
}

/** Without members that are undefined or empty. */
function compact<T extends object>(value: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  const isEmpty = (member: unknown): boolean =>
    member === undefined || (typeof member === 'object' && member !== null && Object.keys(member).length === 0);
  return Object.fromEntries(Object.entries(value).filter(([, member]) => !isEmpty(member))) as T;
}

/** What came of an edit. */
export interface Edited {
  readonly version: number;
  /** False when the document said the same before. */
  readonly changed: boolean;
}

/**
 * Reads the document, changes it and writes it, if it is still the version that was read; otherwise from the start.
 * @throws Failure when others were quicker each time
 */
export async function editLimitsOf(
  admin: AdminClient,
  change: (document: PolicyDocument) => PolicyDocument,
  note: string | undefined,
): Promise<Edited> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const { version, policy } = (await admin.get<LimitsBody>('/admin/limits')).body;
    const changed = change(policy);
    if (isDeepStrictEqual(changed, policy)) return { version, changed: false };
    try {
      const body = { version, policy: changed, ...(note !== undefined && { note }) };
      const written = await admin.put<{ version: number }>('/admin/limits', body);
      return { version: written.body.version, changed: true };
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'conflict')) throw error;
    }
    await pause(Math.random() * MAX_PAUSE_MS);
  }
  throw new Failure(
    ExitCode.temporary,
    `the limits were changed by others ${ATTEMPTS} times in between, and nothing was written: try again`,
  );
}
