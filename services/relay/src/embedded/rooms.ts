import type { RealmName } from '@causeway/protocol';
import type { Room, Rooms } from '../core/tunnel-ports.ts';
import type { EmbeddedCluster } from './cluster.ts';

const MIN_DIGITS = 4;
/** A candidate has 48 bits: it gives every locator of so many digits, and not every longer one. */
const MAX_DIGITS = 14;
/** Of the locators with so many digits this share may be in use. */
const SHARE_IN_USE = 1 / 100;

/** As `cluster/lua/room_*.lua`, in memory. */
export class EmbeddedRooms implements Rooms {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async open(
    realm: RealmName,
    { owner, ref }: Pick<Room, 'owner' | 'ref'>,
    candidates: readonly number[],
    ttlMs: number,
    cap: number,
  ): Promise<{ kind: 'opened'; room: Room } | { kind: 'full' } | { kind: 'taken' }> {
    const rooms = this.openRooms(realm);
    for (const code of candidates.flatMap(codesOf)) {
      const known = rooms.get(code);
      if (known?.owner === owner && known.ref === ref) return { kind: 'opened', room: known };
    }
    if (rooms.size >= cap) return { kind: 'full' };
    const digits = digitsFor(rooms.size + 1);
    const code = candidates.map((candidate) => codeOf(candidate, digits)).find((one) => !rooms.has(one));
    if (code === undefined) return { kind: 'taken' };
    const room = { code, owner, ref, expiresAt: this.cluster.now() + ttlMs };
    rooms.set(code, room);
    return { kind: 'opened', room };
  }

  async take(realm: RealmName, code: string): Promise<{ kind: 'taken'; room: Room } | { kind: 'none' }> {
    const rooms = this.openRooms(realm);
    const room = rooms.get(code);
    if (room === undefined) return { kind: 'none' };
    rooms.delete(code);
    return { kind: 'taken', room };
  }

  async putBack(realm: RealmName, room: Room): Promise<{ kind: 'put_back' }> {
    const rooms = this.openRooms(realm);
    if (room.expiresAt > this.cluster.now() && !rooms.has(room.code)) rooms.set(room.code, room);
    return { kind: 'put_back' };
  }

  private openRooms(realm: RealmName): Map<string, Room> {
    const now = this.cluster.now();
    const rooms = this.cluster.rooms.get(realm) ?? new Map<string, Room>();
    this.cluster.rooms.set(realm, rooms);
    for (const [code, { expiresAt }] of rooms) if (expiresAt <= now) rooms.delete(code);
    return rooms;
  }
}

function digitsFor(rooms: number): number {
  let digits = MIN_DIGITS;
  while (rooms > 10 ** digits * SHARE_IN_USE && digits < MAX_DIGITS) digits += 1;
  return digits;
}

function codeOf(candidate: number, digits: number): string {
  return String(candidate % 10 ** digits).padStart(digits, '0');
}

/** In every length: as many rooms were open as may not be open now. */
function codesOf(candidate: number): string[] {
  return Array.from({ length: MAX_DIGITS - MIN_DIGITS + 1 }, (_, more) => codeOf(candidate, MIN_DIGITS + more));
}
