import type { Store } from '../core/ports.ts';
import { EmbeddedAudit } from './audit.ts';
import { createEmbeddedCluster, type EmbeddedCluster } from './cluster.ts';
import { EmbeddedDirectory } from './directory.ts';
import { EmbeddedInbox } from './inbox.ts';
import { EmbeddedLedger } from './ledger.ts';
import { EmbeddedLinks } from './links.ts';
import { EmbeddedMailbox } from './mailbox.ts';
import { EmbeddedMembership } from './membership.ts';
import { EmbeddedPresence } from './presence.ts';
import { EmbeddedReaping } from './reaping.ts';

/**
 * A store in memory, for one process.
 * @param shared state that several nodes of the process share
 */
export function createEmbeddedStore(shared: EmbeddedCluster = createEmbeddedCluster()): Store {
  const inbox = new EmbeddedInbox(shared);
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
    health: { check: async () => ({ kind: 'healthy' }) },
    audit: new EmbeddedAudit(shared),
    onDisturbed: () => undefined,
    async close() {
      if (closed) return;
      closed = true;
      await inbox.stop();
      shared.release();
    },
  };
}
