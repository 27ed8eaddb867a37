/** Two byte streams, one each way. The borders of chunks mean nothing. */
export interface ByteDuplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * An encrypted channel. What is written at one end is read at the other, complete and in order, or the reading end gets
 * an error: a SecurityError, or that of the streams below.
 *
 * Closing `writable` ends this direction only. Aborting it ends both, at both ends.
 */
export interface SecureDuplex extends ByteDuplex {
  /**
   * Three groups of five digits, the same at both ends exactly if nobody is between them: for two people who compare them
   * by voice.
   */
  readonly verifier: string;
  /**
   * A secret that both ends can compute, and nobody else; another for each label.
   * @param bytes 1 to 8160
   * @throws UsageError `bad_option`
   */
  exportKey(label: string, bytes: number): Uint8Array;
}

/** The two ends of a handshake. Which is which does not matter, but one must be the one and one the other. */
export type Role = 'initiator' | 'responder';
