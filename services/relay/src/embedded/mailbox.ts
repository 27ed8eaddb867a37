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

    const turn = turnOf(known, location);
    if (turn === 'wait') return { kind: 'wait' };
    if (turn === 'lost' || !known) return { kind: 'lost', owner: place(known?.owner) };
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

/** Whether the registration may write: the head of `prev` may, and the owner when `prev` is empty. */
function turnOf(known: LocationState | null, location: Location): 'now' | 'wait' | 'lost' {
  if (!known) return 'lost';
  const place = known.prev.findIndex((one) => isAt(one, location));
  if (place === -1 && !isAt(known.owner, location)) return 'lost';
  return place === 0 || known.prev.length === 0 ? 'now' : 'wait';
}
