import type { PeerKey } from '../core/address.ts';
import type {
  Directory,
  LocateReply,
  Location,
  MailboxLimits,
  RegisterReply,
  RegisterRequest,
  StoredMessage,
  Writer,
} from '../core/ports.ts';
import { type EmbeddedCluster, peerAt } from './cluster.ts';
import { append, recordReply, repeatedReply } from './mailbox-state.ts';
import { extendReservation, isAt, place, RECONNECT_MS } from './peer.ts';
import { register } from './registration.ts';

export class EmbeddedDirectory implements Directory {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async register(request: RegisterRequest): Promise<RegisterReply> {
    return register(peerAt(this.cluster, request.key), request, this.cluster.now());
  }

  async refresh(
    key: PeerKey,
    location: Location,
    ttlMs: number,
  ): Promise<{ kind: 'refreshed'; expiresAt: number } | { kind: 'lost' }> {
    const known = peerAt(this.cluster, key).location;
    if (!known || !isAt(known.owner, location)) return { kind: 'lost' };
    extendReservation(known, ttlMs, this.cluster.now());
    return { kind: 'refreshed', expiresAt: known.expiresAt };
  }

  async locateOrStore(
    key: PeerKey,
    writer: Writer,
    messages: readonly StoredMessage[],
    limits: MailboxLimits,
  ): Promise<LocateReply> {
    const now = this.cluster.now();
    const { mailbox, location } = peerAt(this.cluster, key);
    const repeated = messages.length > 0 && repeatedReply(mailbox, writer);
    if (repeated) return repeated;

    const found = place(location?.owner ?? location?.prev.at(-1));
    if (found) return { kind: 'located', location: found };
    if (messages.length === 0) return { kind: 'stored', count: 0, entries: [], evicted: [] };
    const left = location?.left ?? null;
    const reply = append(mailbox, messages, limits, left === null || now - left >= RECONNECT_MS, now);
    recordReply(mailbox, writer, reply, limits.ttlMs, now);
    return reply;
  }
}
