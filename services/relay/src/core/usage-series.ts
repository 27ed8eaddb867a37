import type { RealmName } from '@causeway/protocol';
import { type Counters, OTHER_REALMS } from './counters.ts';
import type { Usage } from './shared-ports.ts';

/** Realms that have series of their own at one time. */
export const REALM_SERIES = 20;
/** How often a busier realm may take the place of one that has series of its own. */
const REVIEW_MS = 600_000;
/** Realms between which a review chooses. */
const MOST_CANDIDATES = 10_000;
/** So much more it must have carried since the last review: realms that are alike do not take turns. */
const BUSIER = 2;

/**
 * The realms that metrics name, at most `REALM_SERIES` at a time. Counters of a realm only grow while it is named, and
 * begin anew when it is named again; what it carried meanwhile is in `OTHER_REALMS`, and nothing is in both.
 */
export class RealmSeries {
  private readonly counters: Counters;
  /** Messages of each realm since the last review. */
  private recent = new Map<RealmName, number>();
  private reviewAt: number;

  constructor(counters: Counters, now: number) {
    this.counters = counters;
    this.reviewAt = now + REVIEW_MS;
  }

  add(traffic: ReadonlyMap<RealmName, Usage>, now: number): void {
    for (const [realm, { messagesIn, messagesOut }] of traffic) {
      const messages = messagesIn + messagesOut;
      const before = this.recent.get(realm) ?? (this.recent.size < MOST_CANDIDATES ? 0 : null);
      if (messages > 0 && before !== null) this.recent.set(realm, before + messages);
    }
    this.fillUp(traffic);
    if (this.reviewAt <= now) this.review(now);
    const { realmMessagesIn, realmBytesIn, realmMessagesOut, realmBytesOut } = this.counters;
    for (const [realm, usage] of traffic) {
      const name = realmMessagesIn.has(realm) ? realm : OTHER_REALMS;
      increase(realmMessagesIn, name, usage.messagesIn);
      increase(realmBytesIn, name, usage.bytesIn);
      increase(realmMessagesOut, name, usage.messagesOut);
      increase(realmBytesOut, name, usage.bytesOut);
    }
  }

  /** Places that are free go to the busiest. */
  private fillUp(traffic: ReadonlyMap<RealmName, Usage>): void {
    const named = this.counters.realmMessagesIn;
    if (named.size > REALM_SERIES) return;
    const candidates = [...traffic.keys()].filter((realm) => !named.has(realm) && this.messages(realm) > 0);
    candidates.sort((a, b) => this.messages(b) - this.messages(a));
    for (const realm of candidates.slice(0, REALM_SERIES + 1 - named.size)) this.name(realm);
  }

  private review(now: number): void {
    const named = [...this.counters.realmMessagesIn.keys()].filter((realm) => realm !== OTHER_REALMS) as RealmName[];
    named.sort((a, b) => this.messages(a) - this.messages(b));
    const others = [...this.recent.keys()].filter((realm) => !named.includes(realm));
    others.sort((a, b) => this.messages(b) - this.messages(a));
    for (const [index, realm] of named.entries()) {
      const busier = others[index];
      if (busier === undefined || this.messages(busier) <= BUSIER * this.messages(realm)) break;
      this.unname(realm);
      this.name(busier);
    }
    this.recent = new Map();
    this.reviewAt = now + REVIEW_MS;
  }

  private messages(realm: RealmName): number {
    return this.recent.get(realm) ?? 0;
  }

  private name(realm: RealmName): void {
    for (const counts of this.all()) counts.set(realm, 0);
  }

  private unname(realm: RealmName): void {
    for (const counts of this.all()) counts.delete(realm);
  }

  private all(): Map<string, number>[] {
    const { realmMessagesIn, realmBytesIn, realmMessagesOut, realmBytesOut } = this.counters;
    return [realmMessagesIn, realmBytesIn, realmMessagesOut, realmBytesOut];
  }
}

function increase(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
