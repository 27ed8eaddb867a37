import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { pairs, visible } from '../table.ts';
import { time, wrong } from '../units.ts';
import { type Assignment, assignmentsOf, capText, parseAssignment, parseRemoval } from './assignments.ts';
import { type AdminOptions, ApiError, openAdmin, show } from './client.ts';
import { edit, editLimitsOf, type LimitsBody } from './edit.ts';
import { parseScope, type Scope, scopeName } from './names.ts';
import { type Buckets, bucketsTable } from './peers.ts';
import { CAPS } from './policy.ts';

export interface NoteOptions extends AdminOptions {
  readonly note?: string;
}

export async function getLimits(text: string | undefined, options: AdminOptions): Promise<number> {
  const scope = text === undefined ? null : parseScope(text);
  const admin = await openAdmin(options);
  const answer = await admin.get<LimitsBody>('/admin/limits');
  if (scope === null || scope.kind === 'cluster' || scope.kind === 'defaults') {
    return show(options, answer, (body) => limitsText(body, scope));
  }
  const query = { realm: scope.realm, peer: scope.kind === 'peer' ? scope.peer : undefined };
  const effective = await admin.get<EffectiveBody>('/admin/limits/effective', query);
  return show(options, effective, (body) => `${limitsText(answer.body, scope)}\n\n${effectiveText(body, scope)}`);
}

/** What the document says, in the words of `limits set`: of one scope, or of all. */
export function limitsText(
  { version, policy, by, at, note }: LimitsBody,
  only: Scope | null,
  now = Date.now(),
): string {
  if (version === 0) return 'no limits were ever set';
  const head = `version ${version}${versionTail({ by, at, note }, now)}`;
  const scopes = [...assignmentsOf(policy)].filter(([scope]) => only === null || scope === scopeName(only));
  if (scopes.length === 0)
    return `${head}\n${only === null ? 'nothing is limited' : `${scopeName(only)}: nothing is set`}`;
  const rows = scopes.map(([scope, keys]): [string, string] => [
    scope,
    [...keys].map(([key, value]) => `${key}=${value}`).join(' '),
  ]);
  return `${head}\n${pairs(rows)}`;
}

function versionTail({ by, at, note }: Pick<LimitsBody, 'by' | 'at' | 'note'>, now: number): string {
  const when = at === null ? '' : ` at ${time(at, now)}`;
  return visible(` by ${by}${when}${note === '' ? '' : `: ${note}`}`);
}

interface EffectiveBody {
  readonly auth: string | null;
  readonly cluster: Buckets;
  readonly realm: Buckets | null;
  readonly peer: Buckets | null;
  readonly caps: Readonly<Record<string, number | null>> | null;
}

function effectiveText({ auth, caps, ...buckets }: EffectiveBody, scope: Scope): string {
  const capped = [...CAPS].map(([key, cap]): [string, string] => {
    const value = caps?.[cap] ?? null;
    return [key, value === null ? 'no limit' : capText(cap, value)];
  });
  const whose = scope.kind === 'peer' ? 'the realm' : scopeName(scope);
  return `${bucketsTable(buckets)}\n\n${pairs([[`what ${whose} may hold`, ''], ...capped, ['authentication', auth ?? '-']])}`;
}

export function setLimits(text: string, assignments: readonly string[], options: NoteOptions): Promise<number> {
  const scope = parseScope(text);
  return change(
    scope,
    assignments.map((one) => parseAssignment(one, scope)),
    options,
  );
}

export function unsetLimits(text: string, keys: readonly string[], options: NoteOptions): Promise<number> {
  const scope = parseScope(text);
  return change(
    scope,
    keys.map((key) => parseRemoval(key, scope)),
    options,
  );
}

async function change(scope: Scope, changes: readonly Assignment[], options: NoteOptions): Promise<number> {
  const keys = changes.map(({ key }) => key);
  const repeated = keys.find((key, index) => keys.indexOf(key) !== index);
  if (repeated !== undefined) throw wrong(repeated, 'given twice');
  const admin = await openAdmin(options);
  const { version, changed } = await editLimitsOf(admin, (document) => edit(document, scope, changes), options.note);
  const text = JSON.stringify({ version });
  return show(options, { body: { version }, text }, () =>
    changed ? `version ${version} is in force` : `version ${version} says so already`,
  );
}

type Version = LimitsBody;

export async function limitsHistory(options: AdminOptions): Promise<number> {
  const admin = await openAdmin(options);
  const answer = await admin.get<{ versions: readonly Version[] }>('/admin/limits/history');
  return show(options, answer, ({ versions }) => historyText(versions));
}

/** Each version, newest first, with what it changed of the one before; the oldest that is kept with all it says. */
export function historyText(versions: readonly Version[], now = Date.now()): string {
  if (versions.length === 0) return 'no limits were ever set';
  const blocks = versions.map((version, index) => {
    const before = versions[index + 1];
    const changes = differences(before?.policy ?? {}, version.policy).map((line) => `\n    ${visible(line)}`);
    return `version ${version.version}${versionTail(version, now)}${changes.join('')}`;
  });
  return blocks.join('\n');
}

function differences(before: Version['policy'], after: Version['policy']): string[] {
  const flat = (policy: Version['policy']): Map<string, string> =>
    new Map(
      [...assignmentsOf(policy)].flatMap(([scope, keys]) =>
        [...keys].map(([key, value]) => [`${scope} ${key}`, value] as const),
      ),
    );
  const [old, now] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was === is) return [];
    return `${name}=${is ?? 'unset'}${was === undefined ? '' : ` (was ${was})`}`;
  });
}

export async function rollback(to: number, options: AdminOptions): Promise<number> {
  const admin = await openAdmin(options);
  const { version } = (await admin.get<LimitsBody>('/admin/limits')).body;
  try {
    const answer = await admin.post<{ version: number }>('/admin/limits/rollback', { to, version });
    return await show(options, answer, (body) => `version ${body.version} is in force, and says what ${to} said`);
  } catch (error) {
    // Unlike an edit, this would undo what somebody else has just done.
    if (!(error instanceof ApiError && error.code === 'conflict')) throw error;
    const hint = 'somebody else has just changed the limits: see `causeway admin limits history`, and try again';
    throw new Failure(ExitCode.temporary, hint);
  }
}
