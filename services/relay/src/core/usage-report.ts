import type { RealmName } from '@causeway/protocol';
import type { Unavailable } from './node-ports.ts';
import type { UsageBooks, UsageRecord } from './shared-ports.ts';

/** Hours that one report covers: 32 days. */
export const MOST_HOURS = 32 * 24;
/** Records of one report; it is put together in memory. */
export const MOST_RECORDS = 200_000;
const READS_AT_ONCE = 32;

export interface UsageQuery {
  /** Hours since 1970, from `from` up to and without `to`. */
  readonly from: number;
  readonly to: number;
  /** Null: all. */
  readonly realm: RealmName | null;
  readonly byPeer: boolean;
}

export type UsageReport =
  | { readonly kind: 'usage'; readonly records: readonly UsageRecord[] }
  /** More hours or records than one report has. */
  | { readonly kind: 'too_much'; readonly reason: string }
  | Unavailable;

/** What is in the books, by hour, realm and peer; of each hour and realm first the whole realm. */
export async function readUsage(
  books: UsageBooks,
  query: UsageQuery,
  mostRecords = MOST_RECORDS,
): Promise<UsageReport> {
  const { from, to, realm, byPeer } = query;
  if (to - from > MOST_HOURS) return tooMuch(`${to - from} hours; a report covers ${MOST_HOURS} (32 days) at most`);
  const records: UsageRecord[] = [];
  for (let hour = from; hour < to; hour += 1) {
    const listed = realm === null ? await books.realms(hour, hour + 1) : ({ kind: 'realms', realms: [realm] } as const);
    if (listed.kind === 'unavailable') return listed;
    const realms = [...listed.realms].sort();
    for (let at = 0; at < realms.length; at += READS_AT_ONCE) {
      const some = realms.slice(at, at + READS_AT_ONCE);
      for (const reply of await Promise.all(some.map((name) => books.read(name, hour, byPeer)))) {
        if (reply.kind === 'unavailable') return reply;
        records.push(...inOrder(reply.records));
      }
      if (records.length > mostRecords)
        return tooMuch(`more than ${mostRecords} records; ask for less time, or a realm`);
    }
  }
  return { kind: 'usage', records };
}

function tooMuch(reason: string): UsageReport {
  return { kind: 'too_much', reason };
}

/** By the peers' names, the whole realm first. */
function inOrder(records: readonly UsageRecord[]): UsageRecord[] {
  return [...records].sort((a, b) => {
    if (a.peer === null || b.peer === null) return a.peer === null ? -1 : 1;
    return a.peer < b.peer ? -1 : 1;
  });
}
