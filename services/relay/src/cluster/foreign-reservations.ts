import type { PeerKey } from '../core/address.ts';
import type { ForeignReservation, ForeignReservations } from '../core/inspection-ports.ts';
import type { Unavailable } from '../core/ports.ts';
import { type Commands, list, number, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisForeignReservations implements ForeignReservations {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  put(
    key: PeerKey,
    { holder, epoch, data }: Omit<ForeignReservation, 'expiresAt'>,
    ttlMs: number,
  ): Promise<{ kind: 'put'; expiresAt: number } | { kind: 'conflict'; epoch: number } | Unavailable> {
    const { foreign, loc } = this.keys.peer(key);
    return this.commands.script('foreignPut', [foreign, loc], [holder, epoch, ttlMs, data], (reply) => {
      const [kind, value] = list(reply);
      return text(kind) === 'put'
        ? { kind: 'put', expiresAt: number(value) }
        : { kind: 'conflict', epoch: number(value) };
    });
  }

  get(
    key: PeerKey,
  ): Promise<{ kind: 'got'; reservation: (ForeignReservation & { native: boolean }) | null } | Unavailable> {
    const { foreign, loc } = this.keys.peer(key);
    return this.commands.script('foreignGet', [foreign, loc], [], (reply) => {
      const [holder, epoch, expiresAt, data, native] = list(reply);
      if (holder === undefined) return { kind: 'got', reservation: null };
      return {
        kind: 'got',
        reservation: {
          holder: text(holder),
          epoch: number(epoch),
          expiresAt: number(expiresAt),
          data: text(data),
          native: number(native) === 1,
        },
      };
    });
  }

  delete(
    key: PeerKey,
    epoch: number,
  ): Promise<{ kind: 'deleted' } | { kind: 'missing' } | { kind: 'conflict'; epoch: number } | Unavailable> {
    return this.commands.script('foreignDelete', [this.keys.peer(key).foreign], [epoch], (reply) => {
      const [kind, higher] = list(reply);
      if (text(kind) === 'conflict') return { kind: 'conflict', epoch: number(higher) };
      return { kind: text(kind) as 'deleted' | 'missing' };
    });
  }
}
