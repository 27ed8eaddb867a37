import type { PeerKey } from '../core/address.ts';
import type {
  Final,
  HandedOver,
  Location,
  Mailbox,
  MailboxEntry,
  MailboxId,
  MailboxLimits,
  OwnerAppendReply,
  Removed,
  StoredMessage,
  Unavailable,
  Writer,
} from '../core/ports.ts';
import { type Commands, list, type Reply, type ScriptRunner, text } from './commands.ts';
import type { Keys } from './keys.ts';
import { readLocation, readNodes } from './location.ts';
import { messageArgs, readEntries, readRemoved, readStored } from './stored-message.ts';

export class RedisMailbox implements Mailbox {
  private readonly commands: Commands;
  private readonly writes: ScriptRunner;
  private readonly keys: Keys;

  /** @param writes runs what stores messages */
  constructor(commands: Commands, writes: ScriptRunner, keys: Keys) {
    this.commands = commands;
    this.writes = writes;
    this.keys = keys;
  }

  append(
    key: PeerKey,
    location: Location,
    writer: Writer,
    messages: readonly StoredMessage[],
    limits: MailboxLimits,
    final: Final | null,
  ): Promise<OwnerAppendReply> {
    const { mailbox, loc, watch } = this.keys.peer(key);
    return this.writes.script(
      'mailboxAppend',
      [...mailbox, loc, watch],
      [
        location.node,
        location.epoch,
        writer.node,
        writer.sequence,
        limits.messages,
        limits.bytes,
        limits.ttlMs,
        final ? 1 : 0,
        final ? final.seen : '',
        ...messageArgs(messages),
      ],
      readAppended,
    );
  }

  read(
    key: PeerKey,
    after: MailboxId | '',
    count: number,
    bytes: number,
    ttlMs: number,
  ): Promise<{ kind: 'entries'; entries: readonly MailboxEntry[] } | Unavailable> {
    const { mailbox } = this.keys.peer(key);
    return this.commands.script('mailboxRead', mailbox, [after, count, bytes, ttlMs], (reply) => ({
      kind: 'entries',
      entries: readEntries(reply),
    }));
  }

  async remove(
    key: PeerKey,
    entries: readonly MailboxId[],
  ): Promise<{ kind: 'removed'; removed: readonly Removed[] } | Unavailable> {
    if (entries.length === 0) return { kind: 'removed', removed: [] };
    const { mailbox } = this.keys.peer(key);
    return this.commands.script('mailboxRemove', mailbox, [...entries], (reply) => ({
      kind: 'removed',
      removed: readRemoved(reply),
    }));
  }
}

function readAppended(reply: Reply): Exclude<OwnerAppendReply, Unavailable> {
  const fields = list(reply);
  const kind = text(fields[0]);
  if (kind === 'wait') return { kind, head: readLocation(fields[1], fields[2]) as Location };
  if (kind === 'lost') return { kind, owner: readLocation(fields[1], fields[2]) };
  // What locateOrStore recorded has no end of a registration in it.
  return { ...readStored(fields), handedOver: readHandedOver(list(fields[5] ?? [])) };
}

function readHandedOver(fields: readonly Reply[]): HandedOver | null {
  if (fields.length === 0) return null;
  return {
    next: readLocation(fields[0], fields[1]),
    owner: readLocation(fields[2], fields[3]),
    watchers: readNodes(fields[4]),
  };
}
