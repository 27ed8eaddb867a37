import type { NodeId } from '@causeway/protocol';
import type { InboxEntry, LinkAppend, Store } from '../../services/relay/src/core/ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode } from './fixtures.ts';

/** An append whose envelope tells what it is. */
export function envelope(
  from: NodeId,
  to: NodeId,
  first: number,
  last = first,
  changes: Partial<LinkAppend> = {},
): LinkAppend {
  const text = Buffer.from(`${from} ${first}-${last}`);
  return { from, to, first, last, acked: 0, exempt: false, envelope: text, inboxBytes: 1e6, ...changes };
}

/** Appends the next envelope of one link until the store takes it, as a node does. */
export function sender(store: Store, to: NodeId) {
  const from = newNode();
  let sequence = 0;
  return async () => {
    sequence += 1;
    const append = envelope(from, to, sequence, sequence, { envelope: Buffer.from(String(sequence)) });
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
