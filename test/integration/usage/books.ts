import type { RealmName } from '@causeway/protocol';
import type { Store } from '../../../services/relay/src/core/ports.ts';
import type { Usage } from '../../../services/relay/src/core/shared-ports.ts';
import { addUsage, noUsage } from '../../../services/relay/src/core/usage-account.ts';
import type { Relay } from '../../kit/relay.ts';
import { waitFor } from '../../kit/wait.ts';

const HOUR_MS = 3_600_000;

/** What the books say of a realm (or one of its peers) over the hours in which a test may have run. */
export async function booked(store: Store, realm: string, peer: string | null = null): Promise<Usage> {
  const now = Math.floor(Date.now() / HOUR_MS);
  const sums = noUsage();
  for (const hour of [now - 1, now, now + 1]) {
    const reply = await store.usage.read(realm as RealmName, hour, peer !== null);
    if (reply.kind === 'unavailable') throw new Error(reply.reason);
    for (const record of reply.records) if (record.peer === peer) addUsage(sums, record.usage);
  }
  return sums;
}

/** Resolves when everything that the relay had counted at the call is in the books. */
export async function untilFlushed(relay: Relay): Promise<void> {
  const writes = async () => (await relay.metrics()).value('causeway_usage_writes_total', { result: 'added' });
  const before = await writes();
  // The next write may have been under way; the one after it was made of what there was later.
  await waitFor(async () => (await writes()) >= before + 2, { what: 'two flushes', timeoutMs: 20_000 });
}
