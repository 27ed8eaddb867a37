import type { NodeId } from '@causeway/protocol';
import type { Inbox, InboxEntry, Unavailable } from '../core/ports.ts';
import { type Commands, number, type Reply, text } from './commands.ts';
import type { Keys } from './keys.ts';
import { nextId, StreamReader } from './stream-reader.ts';

const READ_COUNT = 512;

/** A removed inbox is remembered so long, so that nothing that comes late brings it back. */
export const REAPED_KEEP_MS = 24 * 3_600_000;

export class RedisInbox implements Inbox {
  private readonly commands: Commands;
  private readonly keys: Keys;
  private readonly connectReader: () => Commands;
  private reader: StreamReader | null = null;

  /** @param connectReader makes the connection that the blocking read has for itself */
  constructor(commands: Commands, keys: Keys, connectReader: () => Commands) {
    this.commands = commands;
    this.keys = keys;
    this.connectReader = connectReader;
  }

  open(node: NodeId): Promise<{ kind: 'opened'; created: boolean } | { kind: 'ended' } | Unavailable> {
    return this.commands.script('inboxOpen', [this.keys.node(node).state], ['open'], (reply) => {
      const [created, state] = reply as Reply[];
      return text(state) === 'open' ? { kind: 'opened', created: number(created) === 1 } : { kind: 'ended' };
    });
  }

  start(node: NodeId, onEntries: (entries: readonly InboxEntry[]) => void): void {
    if (this.reader) throw new Error('the inbox is being read already');
    this.reader = new StreamReader({
      commands: this.connectReader(),
      key: this.keys.node(node).inbox,
      count: READ_COUNT,
      names: { read: 'inboxRead', check: 'inboxCheck' },
      onEntries,
    });
    this.reader.start();
  }

  trim(node: NodeId, upTo: string, bytes: number): Promise<{ kind: 'trimmed' } | Unavailable> {
    const { state, inbox } = this.keys.node(node);
    return this.commands.script('inboxTrim', [state, inbox], [nextId(upTo), bytes], () => ({ kind: 'trimmed' }));
  }

  close(node: NodeId): Promise<{ kind: 'closed'; last: string } | Unavailable> {
    const { state, inbox } = this.keys.node(node);
    return this.commands.script('inboxClose', [state, inbox], ['closing'], (reply) => ({
      kind: 'closed',
      last: text(reply),
    }));
  }

  remove(node: NodeId): Promise<{ kind: 'removed' } | { kind: 'superseded' } | Unavailable> {
    const { state, inbox, links, tunnels } = this.keys.node(node);
    return this.commands.script('inboxRemove', [state, inbox, links, tunnels], [REAPED_KEEP_MS], (reply) => ({
      kind: text(reply) as 'removed' | 'superseded',
    }));
  }

  async stop(): Promise<void> {
    const reader = this.reader;
    this.reader = null;
    await reader?.stop();
  }
}
