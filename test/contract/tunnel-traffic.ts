import type { NodeId } from '@causeway/protocol';
import type { Store } from '../../services/relay/src/core/ports.ts';
import type { TunnelAppendReply } from '../../services/relay/src/core/tunnel-ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode } from './fixtures.ts';

/** Appends of one node to another, whose envelopes tell the sender and a number. */
export function tunnelSender(store: Store, to: NodeId, { from = newNode(), maxBytes = 16e6 } = {}) {
  const writer = store.tunnels.writer(to, maxBytes);
  return (number: number, bytes?: number): Promise<TunnelAppendReply> => {
    const text = Buffer.from(`${from} ${number}`);
    return writer.append(bytes === undefined ? text : Buffer.concat([text, Buffer.alloc(bytes - text.length)]));
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
    numbers: () =>
      envelopes.map((envelope) => Number.parseInt(Buffer.from(envelope).toString().split(' ')[1] ?? '', 10)),
    texts: () => envelopes.map((envelope) => Buffer.from(envelope).toString()),
    until: (count: number) =>
      waitFor(() => envelopes.length >= count, { what: `${count} envelopes have come`, timeoutMs: 20_000 }),
  };
}

/** The append is taken in the end: the reader makes room, or Redis comes back. */
export async function taken(append: () => Promise<TunnelAppendReply>): Promise<void> {
  await waitFor(async () => (await append()).kind === 'ok', { what: 'the envelope is taken', timeoutMs: 20_000 });
}

/** Appends so many bytes at a time until the stream is full; how many were taken. */
export async function fill(append: ReturnType<typeof tunnelSender>, bytes: number): Promise<number> {
  for (let number = 1; ; number += 1) {
    const { kind } = await append(number, bytes);
    if (kind === 'full') return number - 1;
    if (kind !== 'ok' || number === 1000) throw new Error(`${number} appends, and it is not full but ${kind}`);
  }
}
