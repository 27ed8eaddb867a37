import type { NodeId } from '@causeway/protocol';
import type { InboxEntry, ReaperLock, Reaping, Unavailable } from '../core/ports.ts';
import { type Commands, number, type Reply, text } from './commands.ts';
import { REAPED_KEEP_MS } from './inbox.ts';
import type { Keys } from './keys.ts';
import { toEntries } from './stream-reader.ts';

export class RedisReaping implements Reaping {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  take(dead: NodeId, reaper: NodeId, holdMs: number): ReturnType<Reaping['take']> {
    const { state, tunnels } = this.keys.node(dead);
    return this.commands.script('reapTake', [state, tunnels], [reaper, holdMs], (reply) => {
      if (!Array.isArray(reply)) return { kind: text(reply) as 'taken' | 'reaped' };
      return { kind: 'held', lock: { dead, reaper, token: number((reply as Reply[])[1]) } };
    });
  }

  read(
    dead: NodeId,
    after: string,
    count: number,
  ): Promise<{ kind: 'entries'; entries: readonly InboxEntry[] } | Unavailable> {
    const { client } = this.commands;
    const from = after === '' ? '-' : `(${after}`;
    return this.commands.run(
      'reapRead',
      () => client.xrangeBuffer(this.keys.node(dead).inbox, from, '+', 'COUNT', count),
      (entries) => ({ kind: 'entries', entries: toEntries(entries) }),
    );
  }

  finish({ dead, token }: ReaperLock): Promise<{ kind: 'finished' } | { kind: 'superseded' } | Unavailable> {
    const { state, inbox, links, tunnels } = this.keys.node(dead);
    return this.commands.script('reapFinish', [state, inbox, links, tunnels], [token, REAPED_KEEP_MS], (reply) => ({
      kind: text(reply) as 'finished' | 'superseded',
    }));
  }
}
