import type { UsageRecord } from '../core/shared-ports.ts';

const HOUR_MS = 3_600_000;

/** A record as it is told: in units that people reckon with. */
export interface UsageRow {
  readonly realm: string;
  /** Beginning of the hour, ISO 8601 in UTC. */
  readonly hour: string;
  /** Absent: of the whole realm. Empty: of the peers that were too many to be told apart. */
  readonly peer?: string;
  readonly messagesIn: number;
  readonly bytesIn: number;
  readonly messagesOut: number;
  readonly bytesOut: number;
  readonly mailboxByteHours: number;
  readonly connectionSeconds: number;
  readonly tunnelBytes: number;
}

const AMOUNTS = [
  'messagesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'mailboxByteHours',
  'connectionSeconds',
  'tunnelBytes',
] as const;
/** What a record is of: the sum of a realm, one peer, or the peers that were too many. */
const HEADER = ['realm', 'hour', 'of', 'peer', ...AMOUNTS];

export function usageRows(records: readonly UsageRecord[]): UsageRow[] {
  return records.map(({ realm, hour, peer, usage }) => ({
    realm,
    hour: new Date(hour * HOUR_MS).toISOString(),
    ...(peer !== null && { peer }),
    messagesIn: usage.messagesIn,
    bytesIn: usage.bytesIn,
    messagesOut: usage.messagesOut,
    bytesOut: usage.bytesOut,
    mailboxByteHours: usage.storedByteSeconds / 3600,
    connectionSeconds: usage.connectionMs / 1000,
    tunnelBytes: usage.tunnelBytes,
  }));
}

/** RFC 4180, with a header. */
export function usageCsv(records: readonly UsageRecord[]): string {
  const lines = usageRows(records).map((row) => {
    const of = row.peer === undefined ? 'realm' : row.peer === '' ? 'others' : 'peer';
    const amounts = AMOUNTS.map((amount) => String(row[amount]));
    return [cell(row.realm), row.hour, of, cell(row.peer ?? ''), ...amounts].join(',');
  });
  return [HEADER.join(','), ...lines, ''].join('\r\n');
}

/**
 * A name that clients choose must not be a formula where the file is opened: spreadsheets take what begins with one of
 * these characters for one, quoted or not, unless an apostrophe stands before it (OWASP, "CSV Injection").
 */
function cell(name: string): string {
  const text = /^[=+\-@\t\r＝＋－＠]/.test(name) ? `'${name}` : name;
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
