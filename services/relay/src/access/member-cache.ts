import { createHash } from 'node:crypto';
import type { RealmName } from '@causeway/protocol';
import { LRUCache } from 'lru-cache';
import type { Member } from '../core/authenticator.ts';
import type { Clock } from '../core/clock.ts';

/** Members; with some hundreds of bytes each. */
const MAX_MEMBERS = 10_000;

/** Members whose tokens were verified a short time ago, by the tokens' digests: a client that comes back costs a hash. */
export class MemberCache {
  private readonly ttlMs: number;
  private readonly clock: Clock;
  private readonly members: LRUCache<string, Member>;
  private clears = 0;

  /** @param ttlMs 0: nothing is kept */
  constructor(ttlMs: number, clock: Clock) {
    this.ttlMs = ttlMs;
    this.clock = clock;
    this.members = new LRUCache({ max: MAX_MEMBERS, ttl: Math.max(1, ttlMs), ttlResolution: 0, perf: clock });
  }

  /** To be read before a verification begins: what was verified before a `clear` is not kept after it. */
  get generation(): number {
    return this.clears;
  }

  get(token: string, realm: RealmName): Member | undefined {
    return this.members.get(digest(token, realm));
  }

  put(token: string, realm: RealmName, member: Member, generation: number): void {
    const left = (member.expiresAt ?? Number.POSITIVE_INFINITY) - this.clock.now();
    const ttl = Math.floor(Math.min(this.ttlMs, left));
    if (ttl > 0 && generation === this.clears) this.members.set(digest(token, realm), member, { ttl });
  }

  clear(): void {
    this.clears += 1;
    this.members.clear();
  }
}

function digest(token: string, realm: RealmName): string {
  return createHash('sha256').update(`${realm} ${token}`).digest('base64');
}
