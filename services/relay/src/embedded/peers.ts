import type { PeerKey } from '../core/address.ts';
import type { PeerRecord, Peers } from '../core/inspection-ports.ts';
import type { MailboxId, Removed } from '../core/ports.ts';
import { type EmbeddedCluster, peerAt } from './cluster.ts';
import { createMailbox, dropExpired, isLater, remove } from './mailbox-state.ts';
import { place } from './peer.ts';

export class EmbeddedPeers implements Peers {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async look(key: PeerKey, mailboxTtlMs: number): Promise<{ kind: 'looked'; record: PeerRecord | null }> {
    const now = this.cluster.now();
    const { location, mailbox } = peerAt(this.cluster, key);
    dropExpired(mailbox, mailboxTtlMs, now);
    const owner = place(location?.owner);
    const isReserved = location !== null && location.expiresAt > now;
    const [oldest] = mailbox.entries.values();
    if (owner === null && !isReserved && oldest === undefined) return { kind: 'looked', record: null };
    return {
      kind: 'looked',
      record: {
        owner,
        reservation: isReserved ? { expiresAt: location.expiresAt, limits: location.limits } : null,
        mailbox: { messages: mailbox.entries.size, bytes: mailbox.bytes, oldestAt: oldest?.storedAt ?? null },
      },
    };
  }

  async purge(
    key: PeerKey,
    upTo: MailboxId | '',
    count: number,
  ): Promise<{ kind: 'purged'; removed: readonly Removed[]; upTo: MailboxId | null }> {
    const { mailbox } = peerAt(this.cluster, key);
    const ids = [...mailbox.entries.keys()];
    const last = upTo === '' ? ids.at(-1) : upTo;
    if (last === undefined) return { kind: 'purged', removed: [], upTo: null };
    const reached = ids.filter((id) => !isLater(id, last));
    const removed = remove(mailbox, reached.slice(0, count));
    return { kind: 'purged', removed, upTo: reached.length > count ? last : null };
  }

  async erase(
    key: PeerKey,
    count: number,
  ): Promise<{ kind: 'erased' | 'more'; removed: readonly Removed[] } | { kind: 'online' }> {
    const peer = peerAt(this.cluster, key);
    const { location, mailbox } = peer;
    // An owner goes last: while it is there, earlier registrations may have yet to hand over.
    if (location?.owner) return { kind: 'online' };
    const removed = remove(mailbox, [...mailbox.entries.keys()].slice(0, count));
    if (mailbox.entries.size > 0) return { kind: 'more', removed };
    this.cluster.buckets.delete(key);
    peer.location = null;
    peer.mailbox = createMailbox();
    return { kind: 'erased', removed };
  }
}
