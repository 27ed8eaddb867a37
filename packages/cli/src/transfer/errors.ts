/** Why a transfer failed; goes over the wire. */
export const FAULTS = [
  /** The receiver's user said no. */
  'declined',
  /** Ended by Ctrl-C. */
  'cancelled',
  'version',
  /** The other end broke the rules of the protocol. */
  'protocol',
  /** A name that could leave the target folder, or that some system cannot have. */
  'bad_name',
  'too_many',
  /** There is something of that name already. */
  'exists',
  'no_space',
  'not_writable',
  'not_readable',
  'source_gone',
  'source_changed',
  /** What is offered after a resume is not what was offered before. */
  'offer_changed',
  'hash_mismatch',
  'internal',
] as const;

export type Fault = (typeof FAULTS)[number];

/** The transfer failed for good: trying again without a change would fail again. */
export class TransferError extends Error {
  readonly fault: Fault;
  /** The other end has said so; otherwise it must be told. */
  readonly byPeer: boolean;

  constructor(fault: Fault, message: string, byPeer = false) {
    super(message);
    this.name = 'TransferError';
    this.fault = fault;
    this.byPeer = byPeer;
  }
}

/** The bytes ended early. Both ends keep what they have and can go on from there. */
export class LostError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LostError';
  }
}
