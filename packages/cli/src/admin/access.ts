import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { print } from '../output.ts';
import { table } from '../table.ts';
import { time } from '../units.ts';
import { type AdminClient, type AdminOptions, openAdmin, segment, show } from './client.ts';
import { parseTarget, type Target } from './names.ts';

interface Entry {
  readonly id: string;
  readonly kind: Target['kind'];
  readonly realm?: string;
  readonly peer?: string;
  readonly range?: string;
  readonly token?: string;
  readonly reason?: string;
  readonly at: number;
  /** Null: for ever. */
  readonly until: number | null;
}

interface AccessBody {
  readonly version: number;
  readonly bans: readonly Entry[];
  readonly allow: readonly Entry[];
  readonly revocations: readonly Entry[];
}

/** One of the lists of who may come in. */
export interface List {
  readonly path: string;
  readonly kinds: readonly Target['kind'][];
  readonly member: 'bans' | 'allow' | 'revocations';
  readonly empty: string;
}

export const BANS: List = {
  path: '/admin/bans',
  kinds: ['peer', 'realm', 'address'],
  member: 'bans',
  empty: 'nobody is banned',
};
export const ALLOW_LISTS: List = {
  path: '/admin/allow-lists',
  kinds: ['peer', 'address'],
  member: 'allow',
  empty: 'no realm has an allow list: all may come in that are not banned',
};
export const REVOCATIONS: List = {
  path: '/admin/revocations',
  kinds: ['token', 'peer', 'realm'],
  member: 'revocations',
  empty: 'nothing is revoked',
};

export interface AddOptions extends AdminOptions {
  /** Milliseconds. */
  readonly for?: number;
  readonly reason?: string;
  readonly realm?: string;
}

export const add =
  (list: List) =>
  async (text: string, options: AddOptions): Promise<number> => {
    const target = parseTarget(text, list.kinds);
    const realm = realmOf(target, options.realm, list);
    const admin = await openAdmin(options);
    const answer = await admin.post<{ id: string; version: number }>(list.path, {
      ...target,
      ...(realm !== undefined && { realm }),
      ...(options.reason !== undefined && { reason: options.reason }),
      ...(options.for !== undefined && { seconds: Math.ceil(options.for / 1000) }),
    });
    return show(options, answer, ({ id, version }) => `${id} (version ${version})`);
  };

/** The target's own realm, or the one that the option names. Bans of addresses are for all realms. */
function realmOf(target: Target, given: string | undefined, list: List): string | undefined {
  const own = 'realm' in target ? target.realm : undefined;
  if (own !== undefined && given !== undefined && own !== given) {
    throw new Failure(ExitCode.usage, `--realm ${given} is another realm than ${own}`);
  }
  const realm = own ?? given;
  if (realm === undefined && list !== BANS) {
    throw new Failure(ExitCode.usage, `name the realm in which it holds: --realm <realm>`);
  }
  return realm;
}

export const remove =
  (list: List) =>
  async (id: string, options: AdminOptions): Promise<number> => {
    const admin = await openAdmin(options);
    const answer = await admin.delete<{ version: number }>(`${list.path}/${segment(id)}`);
    return show(options, answer, ({ version }) => `removed (version ${version})`);
  };

const read = (admin: AdminClient) => admin.get<AccessBody>('/admin/access');

export const list =
  (which: List) =>
  async (options: AdminOptions): Promise<number> => {
    const { body } = await read(await openAdmin(options));
    // The API has one answer for all lists, of which this is a member.
    await print(options.json ? JSON.stringify(body[which.member]) : entriesTable(body[which.member], which.empty));
    return ExitCode.ok;
  };

export async function access(options: AdminOptions): Promise<number> {
  return show(options, await read(await openAdmin(options)), (body) => accessText(body));
}

export function accessText(body: AccessBody, now = Date.now()): string {
  const part = (title: string, { member, empty }: List): string =>
    `${title}\n${entriesTable(body[member], empty, now)}\n`;
  const parts = [part('BANS', BANS), part('ALLOW LISTS', ALLOW_LISTS), part('REVOCATIONS', REVOCATIONS)];
  return `${parts.join('\n')}\nversion ${body.version}`;
}

export function entriesTable(entries: readonly Entry[], empty: string, now = Date.now()): string {
  return table<Entry>(
    [
      { head: 'ID', cell: ({ id }) => id },
      { head: 'WHAT', cell: targetText },
      { head: 'SINCE', cell: ({ at }) => time(at, now) },
      { head: 'UNTIL', cell: ({ until }) => (until === null ? 'for ever' : time(until, now)) },
      { head: 'REASON', cell: ({ reason }) => reason || '-' },
    ],
    entries,
    empty,
  );
}

/** As `parseTarget` reads it. */
function targetText({ kind, realm, peer, range, token }: Entry): string {
  if (kind === 'peer') return `peer:${realm}/${peer}`;
  if (kind === 'realm') return `realm:${realm}`;
  const what = kind === 'address' ? `address:${range}` : `token:${token}`;
  return realm === undefined ? what : `${what} in realm ${realm}`;
}
