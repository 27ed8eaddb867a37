import type { RealmName } from '@causeway/protocol';
import type { Ledger, LedgerDelta, Unavailable } from '../core/ports.ts';
import { type Commands, list, number } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisLedger implements Ledger {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  update(
    realm: RealmName,
    deltas: readonly LedgerDelta[],
    oldestSlice: number,
    keepMs: number,
  ): Promise<{ kind: 'updated'; bytes: number; expiredMessages: number; expiredBytes: number } | Unavailable> {
    const args: number[] = [];
    for (const { slice, messages, bytes } of deltas) args.push(slice, messages, bytes);
    return this.commands.script('ledgerUpdate', [this.keys.stored(realm)], [oldestSlice, keepMs, ...args], (reply) => {
      const [held, expiredMessages, expiredBytes] = list(reply);
      return {
        kind: 'updated',
        bytes: number(held),
        expiredMessages: number(expiredMessages),
        expiredBytes: number(expiredBytes),
      };
    });
  }
}
