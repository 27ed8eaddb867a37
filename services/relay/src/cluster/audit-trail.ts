import type { NodeId } from '@causeway/protocol';
import type { Unavailable } from '../core/ports.ts';
import type { AuditEntry, AuditTrail } from '../core/shared-ports.ts';
import type { Commands } from './commands.ts';
import type { Keys } from './keys.ts';

/** About: whole blocks of the stream go at once. */
const KEPT = 10_000;

/** The stream's own ids say when. */
export class RedisAuditTrail implements AuditTrail {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  append({ node, by, action, details }: Omit<AuditEntry, 'at'>): Promise<{ kind: 'appended' } | Unavailable> {
    const fields = ['node', node, 'by', by, 'action', action, 'details', details];
    return this.commands.run(
      'trailAppend',
      () => this.commands.client.xadd(this.keys.trail, 'MAXLEN', '~', KEPT, '*', ...fields),
      () => ({ kind: 'appended' }),
    );
  }

  read(count: number): Promise<{ kind: 'entries'; entries: readonly AuditEntry[] } | Unavailable> {
    return this.commands.run(
      'trailRead',
      () => this.commands.client.xrevrange(this.keys.trail, '+', '-', 'COUNT', count),
      (entries) => ({ kind: 'entries', entries: entries.map(([id, fields]) => toEntry(id, fields)) }),
    );
  }
}

function toEntry(id: string, [, node, , by, , action, , details]: readonly string[]): AuditEntry {
  return {
    at: Number.parseInt(id, 10),
    node: (node ?? '') as NodeId,
    by: by ?? '',
    action: action ?? '',
    details: details ?? '',
  };
}
