import { UNLIMITED_ATTEMPTS } from '../core/attempts.ts';
import type { Store } from '../core/ports.ts';
import type { AttemptLimits } from '../core/shared-ports.ts';
import { EmbeddedAttempts } from './attempts.ts';
import { EmbeddedAudit } from './audit.ts';
import { EmbeddedAuditTrail } from './audit-trail.ts';
import { EmbeddedBuckets } from './buckets.ts';
import { createEmbeddedCluster, type EmbeddedCluster } from './cluster.ts';
import { EmbeddedDirectory } from './directory.ts';
import { EmbeddedDocuments } from './documents.ts';
import { EmbeddedForeignReservations } from './foreign-reservations.ts';
import { EmbeddedInbox } from './inbox.ts';
import { EmbeddedLedger } from './ledger.ts';
import { EmbeddedLinks } from './links.ts';
import { EmbeddedMailbox } from './mailbox.ts';
import { EmbeddedMembership } from './membership.ts';
import { EmbeddedNotices } from './notices.ts';
import { EmbeddedPeers } from './peers.ts';
import { EmbeddedPresence } from './presence.ts';
import { EmbeddedReaping } from './reaping.ts';
import { EmbeddedRooms } from './rooms.ts';
import { EmbeddedSnapshots } from './snapshots.ts';
import { EmbeddedTallies } from './tallies.ts';
import { EmbeddedTunnelStreams } from './tunnel-streams.ts';
import { EmbeddedUsage } from './usage.ts';

/**
 * A store in memory, for one process.
 * @param shared state that several nodes of the process share
 */
export function createEmbeddedStore(
  shared: EmbeddedCluster = createEmbeddedCluster(),
  attempts: AttemptLimits = UNLIMITED_ATTEMPTS,
): Store {
  const inbox = new EmbeddedInbox(shared);
  const tunnels = new EmbeddedTunnelStreams(shared);
  const notices = new EmbeddedNotices(shared);
  let closed = false;
  shared.hold();
  return {
    directory: new EmbeddedDirectory(shared),
    mailbox: new EmbeddedMailbox(shared),
    ledger: new EmbeddedLedger(shared),
    links: new EmbeddedLinks(shared),
    inbox,
    reaping: new EmbeddedReaping(shared),
    presence: new EmbeddedPresence(shared),
    membership: new EmbeddedMembership(shared),
    health: { check: async () => ({ kind: 'healthy' }), slots: () => new Map() },
    audit: new EmbeddedAudit(shared),
    attempts: new EmbeddedAttempts(attempts),
    tallies: new EmbeddedTallies(shared),
    buckets: new EmbeddedBuckets(shared),
    rooms: new EmbeddedRooms(shared),
    tunnels,
    usage: new EmbeddedUsage(shared),
    snapshots: new EmbeddedSnapshots(shared),
    documents: new EmbeddedDocuments(shared),
    notices,
    auditTrail: new EmbeddedAuditTrail(shared),
    peers: new EmbeddedPeers(shared),
    foreignReservations: new EmbeddedForeignReservations(shared),
    onDisturbed: () => undefined,
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([inbox.stop(), tunnels.stop()]);
      notices.close();
      shared.release();
    },
  };
}
