import type { NodeId } from '@causeway/protocol';
import type { InboxEntry, Store } from '../../services/relay/src/core/ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode } from './fixtures.ts';

/** Appends the next envelope of one link until the store takes it, as a node does. */
export function sender(store: Store, to: NodeId) {
  const from = newNode();
  let sequence = 0;
  return async () => {
    sequence += 1;
    const envelope = Buffer.from(String(sequence));
    const append = { from, to, first: sequence, last: sequence, exempt: false, envelope, inboxBytes: 1e6 };
    await waitFor(async () => ['ok', 'dup'].includes((await store.links.append(append)).kind), {
      what: `envelope ${sequence} is taken`,
      timeoutMs: 20_000,
    });
  };
}

/** Reads a node's inbox until the store is closed. */
export function read(store: Store, node: NodeId) {
  const entries: InboxEntry[] = [];
  store.inbox.start(node, (some) => entries.push(...some));
  const texts = () => entries.map(({ envelope }) => Buffer.from(envelope).toString());
  return {
    texts,
    until: (text: string) =>
      waitFor(() => texts().includes(text), { what: `envelope ${text} has come`, timeoutMs: 20_000 }),
  };
}
