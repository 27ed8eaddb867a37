import type { NodeId, RealmName } from '@causeway/protocol';
import { type PeerKey, peerOf } from '../core/address.ts';
import type { Unavailable } from '../core/ports.ts';
import type { Tallies, Tally } from '../core/shared-ports.ts';
import { type Commands, list, number, type Reply, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisTallies implements Tallies {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  claim(
    realm: RealmName,
    tally: Tally,
    node: NodeId,
    amount: number,
    cap: number,
    ttlMs: number,
  ): Promise<{ kind: 'claimed' } | { kind: 'full'; held: number } | Unavailable> {
    const key = this.keys.tally(realm, tally);
    return this.commands.script('tallyClaim', [key], [node, amount, cap, ttlMs], (reply) => granted('claimed', reply));
  }

  report(
    realm: RealmName,
    tally: Tally,
    node: NodeId,
    amount: number,
    ttlMs: number,
  ): Promise<{ kind: 'reported'; held: number } | Unavailable> {
    const key = this.keys.tally(realm, tally);
    return this.commands.script('tallyReport', [key], [node, amount, ttlMs], (reply) => ({
      kind: 'reported',
      held: number(list(reply)[0]),
    }));
  }

  reserve(
    realm: RealmName,
    key: PeerKey,
    ttlMs: number,
    cap: number,
  ): Promise<{ kind: 'reserved' } | { kind: 'full'; held: number } | Unavailable> {
    const book = this.keys.reservations(realm);
    return this.commands.script('reservationBook', [book], [peerOf(key), ttlMs, cap], (reply) =>
      granted('reserved', reply),
    );
  }
}

function granted<K extends string>(kind: K, reply: Reply): { kind: K } | { kind: 'full'; held: number } {
  const [answer, held] = list(reply);
  return text(answer) === 'full' ? { kind: 'full', held: number(held) } : { kind };
}
