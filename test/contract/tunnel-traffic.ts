import type { NodeId } from '@causeway/protocol';
import type { Store } from '../../services/relay/src/core/ports.ts';
import type { TunnelAppend } from '../../services/relay/src/core/tunnel-ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode } from './fixtures.ts';

/** Appends of one node to another, whose envelopes tell their run and sequence. */
export function tunnelSender(store: Store, to: NodeId, from = newNode()) {
  return (run: number, sequence: number, changes: Partial<TunnelAppend> = {}) => {
    const envelope = Buffer.from(`${from} ${run}.${sequence}`);
    return store.tunnels.append({ from, to, run, sequence, envelope, maxBytes: 1e6, ...changes });
  };
}

/** Reads what comes for a node's tunnels until the store is closed. */
export function readTunnels(store: Store, node: NodeId) {
  const envelopes: Uint8Array[] = [];
  const batches: number[] = [];
  store.tunnels.start(node, (some) => {
    batches.push(some.length);
    envelopes.push(...some);
  });
  return {
    envelopes,
    batches,
    /** Runs and sequences. */
    places: () => envelopes.map((envelope) => Buffer.from(envelope).toString().split(' ').at(-1)),
    texts: () => envelopes.map((envelope) => Buffer.from(envelope).toString()),
    until: (count: number) =>
      waitFor(() => envelopes.length >= count, { what: `${count} envelopes have come`, timeoutMs: 20_000 }),
  };
}

/** The append is taken in the end: the reader makes room, or Redis comes back. */
export async function taken(append: () => ReturnType<Store['tunnels']['append']>): Promise<void> {
  await waitFor(async () => ['ok', 'dup'].includes((await append()).kind), {
    what: 'the envelope is taken',
    timeoutMs: 20_000,
  });
}
