/** Registrations under way at once: many times what a store answers in the time that clients wait. */
export const MAX_REGISTERING = 10_000;
/** What counts for a message beside its payload, in bytes: its objects, names, and a part of the packet it came in. */
export const MESSAGE_OVERHEAD_BYTES = 2048;

/** What the connections of one node have under way together; each of them alone is bounded elsewhere. */
export class Load {
  /** Bytes of messages of this node's senders that have no outcome. */
  messageBytes = 0;
  /**
   * HELLOs that are neither refused nor welcomed, also those whose connection has gone meanwhile; but not while a
   * PROOF is waited for.
   */
  registering = 0;
}
