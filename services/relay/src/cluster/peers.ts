import type { PeerKey } from '../core/address.ts';
import type { PeerRecord, Peers } from '../core/inspection-ports.ts';
import { storedAt } from '../core/mailbox-id.ts';
import type { MailboxId, Removed, ReservationLimits, Unavailable } from '../core/ports.ts';
import { type Commands, list, number, type Reply, text } from './commands.ts';
import type { Keys } from './keys.ts';
import { readLocation } from './location.ts';
import { readRemoved } from './stored-message.ts';

export class RedisPeers implements Peers {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  look(key: PeerKey, mailboxTtlMs: number): Promise<{ kind: 'looked'; record: PeerRecord | null } | Unavailable> {
    const { mailbox, loc } = this.keys.peer(key);
    return this.commands.script('peerLook', [...mailbox, loc], [mailboxTtlMs], (reply) => ({
      kind: 'looked',
      record: readRecord(list(reply)),
    }));
  }

  purge(
    key: PeerKey,
    upTo: MailboxId | '',
    count: number,
  ): Promise<{ kind: 'purged'; removed: readonly Removed[]; upTo: MailboxId | null } | Unavailable> {
    return this.commands.script('peerPurge', this.keys.peer(key).mailbox, [upTo, count], (reply) => {
      const [left, removed] = list(reply);
      return { kind: 'purged', removed: readRemoved(removed), upTo: (text(left) || null) as MailboxId | null };
    });
  }

  erase(
    key: PeerKey,
    count: number,
  ): Promise<{ kind: 'erased' | 'more'; removed: readonly Removed[] } | { kind: 'online' } | Unavailable> {
    const { mailbox, loc, bucket } = this.keys.peer(key);
    return this.commands.script('peerErase', [...mailbox, loc, bucket], [count], (reply) => {
      const [kind, removed] = list(reply);
      if (text(kind) === 'online') return { kind: 'online' };
      return { kind: text(kind) as 'erased' | 'more', removed: readRemoved(removed) };
    });
  }
}

function readRecord([node, epoch, expiresAt, limits, messages, held, oldest]: readonly Reply[]): PeerRecord | null {
  const owner = readLocation(node, epoch);
  const isReserved = text(expiresAt) !== '';
  const entry = text(oldest) as MailboxId | '';
  if (owner === null && !isReserved && entry === '') return null;
  return {
    owner,
    reservation: isReserved
      ? { expiresAt: number(expiresAt), limits: JSON.parse(text(limits)) as ReservationLimits }
      : null,
    mailbox: { messages: number(messages), bytes: number(held), oldestAt: entry === '' ? null : storedAt(entry) },
  };
}
