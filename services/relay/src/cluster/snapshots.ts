import type { NodeId } from '@causeway/protocol';
import type { Unavailable } from '../core/ports.ts';
import type { Snapshots } from '../core/usage-ports.ts';
import { type Commands, list, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisSnapshots implements Snapshots {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  write(node: NodeId, snapshot: string, ttlMs: number): Promise<{ kind: 'written' } | Unavailable> {
    return this.commands.script('usageSnapshot', [this.keys.top], [node, ttlMs, snapshot], () => ({ kind: 'written' }));
  }

  read(): Promise<{ kind: 'snapshots'; texts: readonly string[] } | Unavailable> {
    return this.commands.script('usageTop', [this.keys.top], [], (reply) => ({
      kind: 'snapshots',
      texts: list(reply).map(text),
    }));
  }
}
