import { ExitCode } from '../exit-codes.ts';
import { print } from '../output.ts';
import { type Column, table } from '../table.ts';
import { absolute, parseDuration, roughBytes, roughDuration, roughNumber, time } from '../units.ts';
import { type AdminOptions, openAdmin, show } from './client.ts';

export interface UsageOptions extends AdminOptions {
  readonly realm?: string;
  readonly from?: string;
  readonly to?: string;
  readonly peers?: boolean;
  readonly csv?: boolean;
}

const FIELDS = [
  'messagesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'mailboxByteHours',
  'connectionSeconds',
  'tunnelBytes',
] as const;

type Sums = { readonly [Field in (typeof FIELDS)[number]]: number };

interface UsageRecord extends Sums {
  readonly realm: string;
  readonly hour: string;
  readonly peer?: string;
}

export async function usage(options: UsageOptions): Promise<number> {
  const { realm, csv, peers } = options;
  const query = {
    from: pointInTime(options.from),
    to: pointInTime(options.to),
    realm,
    peers: peers ? 'true' : undefined,
  };
  const admin = await openAdmin(options);
  if (csv) {
    await print((await admin.get<string>('/admin/usage', { ...query, format: 'csv' })).text.trimEnd());
    return ExitCode.ok;
  }
  const answer = await admin.get<{ records: readonly UsageRecord[] }>('/admin/usage', query);
  return show(options, answer, ({ records }) => usageTable(records, peers ?? false));
}

/** A time as the API reads it; `24h` is so long ago. */
export function pointInTime(text: string | undefined, now = Date.now()): string | undefined {
  if (text === undefined || !/^[\d.]+(?:s|min|m|h|d|w)/.test(text)) return text;
  return new Date(now - parseDuration(text)).toISOString();
}

export function usageTable(records: readonly UsageRecord[], byPeer: boolean): string {
  const number = (head: string, cell: (sums: Sums) => string): Column<UsageRecord> => ({ head, cell, align: 'right' });
  const total = { ...sum(records.filter(({ peer }) => peer === undefined)), realm: 'total', hour: '' };
  return table<UsageRecord>(
    [
      { head: 'REALM', cell: ({ realm }) => realm },
      { head: 'HOUR', cell: ({ hour }) => (hour === '' ? '' : absolute(Date.parse(hour))) },
      ...(byPeer ? [{ head: 'PEER', cell: peerText }] : []),
      number('MESSAGES IN', ({ messagesIn }) => String(messagesIn)),
      number('BYTES IN', ({ bytesIn }) => roughBytes(bytesIn)),
      number('MESSAGES OUT', ({ messagesOut }) => String(messagesOut)),
      number('BYTES OUT', ({ bytesOut }) => roughBytes(bytesOut)),
      number('MAILBOX BYTE-HOURS', ({ mailboxByteHours }) => roughNumber(mailboxByteHours)),
      number('CONNECTED', ({ connectionSeconds }) => roughDuration(connectionSeconds * 1000)),
      number('TUNNELS', ({ tunnelBytes }) => roughBytes(tunnelBytes)),
    ],
    records.length === 0 ? [] : [...records, total],
    'no usage in this time',
  );
}

/** Of the whole realm, or of those that were too many to tell apart. */
function peerText({ peer = '(all)', hour }: UsageRecord): string {
  if (hour === '') return '';
  return peer === '' ? '(others)' : peer;
}

function sum(records: readonly Sums[]): Sums {
  const entries = FIELDS.map((field) => [field, records.reduce((total, record) => total + record[field], 0)]);
  return Object.fromEntries(entries) as Sums;
}

interface AuditEntry {
  readonly at: number;
  readonly node: string;
  readonly by: string;
  readonly action: string;
  readonly details: unknown;
}

export async function audit(options: AdminOptions & { readonly count?: number }): Promise<number> {
  const admin = await openAdmin(options);
  const query = { count: options.count === undefined ? undefined : String(options.count) };
  const answer = await admin.get<{ entries: readonly AuditEntry[] }>('/admin/audit', query);
  return show(options, answer, ({ entries }) => auditTable(entries));
}

export function auditTable(entries: readonly AuditEntry[], now = Date.now()): string {
  return table<AuditEntry>(
    [
      { head: 'WHEN', cell: ({ at }) => time(at, now) },
      { head: 'NODE', cell: ({ node }) => node },
      { head: 'BY', cell: ({ by }) => by },
      { head: 'WHAT', cell: ({ action }) => action },
      { head: 'DETAILS', cell: ({ details }) => (typeof details === 'string' ? details : JSON.stringify(details)) },
    ],
    entries,
    'nothing was changed yet',
  );
}
