import type { PeerKey } from '../core/address.ts';
import type {
  Final,
  Location,
  Mailbox,
  MailboxEntry,
  MailboxId,
  MailboxLimits,
  OwnerAppendReply,
  Removed,
  StoredMessage,
  Writer,
} from '../core/ports.ts';
import { type EmbeddedCluster, peerAt } from './cluster.ts';
import { append, dropExpired, isLater, read, recordReply, remove, repeatedReply } from './mailbox-state.ts';
import { handOver, isAt, type LocationState, place } from './peer.ts';

export class EmbeddedMailbox implements Mailbox {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async append(
    key: PeerKey,
    location: Location,
    writer: Writer,
    messages: readonly StoredMessage[],
    limits: MailboxLimits,
    final: Final | null,
  ): Promise<OwnerAppendReply> {
    const now = this.cluster.now();
    const peer = peerAt(this.cluster, key);
    const { mailbox, location: known } = peer;
    const repeated = repeatedReply(mailbox, writer);
    // What locateOrStore recorded has no end of a registration in it.
    if (repeated) return { handedOver: null, ...repeated };

    if (!known || !has(known, location)) return { kind: 'lost', owner: place(known?.owner) };
    const head = place(known.prev[0]);
    if (head !== null && !isAt(head, location)) return { kind: 'wait', head };
    const stored = append(mailbox, messages, limits, false, now);
    const ends = final !== null && stored.count === messages.length;
    if (ends && final.seen !== '' && (mailbox.seen === '' || isLater(final.seen, mailbox.seen))) {
      mailbox.seen = final.seen;
    }
    const reply = { ...stored, handedOver: ends ? handOver(peer, known, now) : null };
    recordReply(mailbox, writer, reply, limits.ttlMs, now);
    return reply;
  }

  async read(
    key: PeerKey,
    after: MailboxId | '',
    count: number,
    bytes: number,
    ttlMs: number,
  ): Promise<{ kind: 'entries'; entries: readonly MailboxEntry[] }> {
    const { mailbox } = peerAt(this.cluster, key);
    dropExpired(mailbox, ttlMs, this.cluster.now());
    return { kind: 'entries', entries: read(mailbox, after, count, bytes) };
  }

  async remove(key: PeerKey, entries: readonly MailboxId[]): Promise<{ kind: 'removed'; removed: readonly Removed[] }> {
    return { kind: 'removed', removed: remove(peerAt(this.cluster, key).mailbox, entries) };
  }
}

function has(known: LocationState, location: Location): boolean {
  return isAt(known.owner, location) || known.prev.some((one) => isAt(one, location));
}
