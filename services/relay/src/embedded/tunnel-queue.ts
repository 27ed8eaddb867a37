/** What waits for one node to take it in for its tunnels. */
export interface TunnelQueue {
  /** Oldest first. */
  envelopes: Uint8Array[];
  bytes: number;
}

export function createQueue(): TunnelQueue {
  return { envelopes: [], bytes: 0 };
}

/** Takes the oldest out. */
export function takeEnvelopes(queue: TunnelQueue, count: number): readonly Uint8Array[] {
  const envelopes = queue.envelopes.splice(0, count);
  for (const { length } of envelopes) queue.bytes -= length;
  return envelopes;
}
