import type { RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { Unavailable } from '../core/ports.ts';
import type { Room, Rooms } from '../core/tunnel-ports.ts';
import { type Commands, list, number, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisRooms implements Rooms {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  open(
    realm: RealmName,
    { owner, ref }: Pick<Room, 'owner' | 'ref'>,
    candidates: readonly number[],
    ttlMs: number,
    cap: number,
  ): Promise<{ kind: 'opened'; room: Room } | { kind: 'full' } | { kind: 'taken' } | Unavailable> {
    const args = [owner, ref, ttlMs, cap, ...candidates] as const;
    return this.commands.script('roomOpen', this.keys.rooms(realm), args, (reply) => {
      const [kind, code, end] = list(reply);
      if (text(kind) !== 'opened') return { kind: text(kind) as 'full' | 'taken' };
      return { kind: 'opened', room: { code: text(code), owner, ref, expiresAt: number(end) } };
    });
  }

  take(realm: RealmName, code: string): Promise<{ kind: 'taken'; room: Room } | { kind: 'none' } | Unavailable> {
    return this.commands.script('roomTake', this.keys.rooms(realm), [code], (reply) => {
      const [kind, owner, ref, end] = list(reply);
      if (text(kind) === 'none') return { kind: 'none' };
      const room = { code, owner: text(owner) as PeerKey, ref: number(ref), expiresAt: number(end) };
      return { kind: 'taken', room };
    });
  }

  putBack(realm: RealmName, { code, owner, ref, expiresAt }: Room): Promise<{ kind: 'put_back' } | Unavailable> {
    const args = [code, expiresAt, ref, owner] as const;
    return this.commands.script('roomPutBack', this.keys.rooms(realm), args, () => ({ kind: 'put_back' }));
  }
}
