import type { Malformed } from './frames.ts';

/** What kind of rule the input breaks; the vectors name the same kinds. */
export type MalformedKind =
  /** The packet is empty or above the limit. */
  | 'packet_size'
  /** A frame's header or body goes beyond the end of the packet. */
  | 'truncated'
  /** Neither a frame of this version nor in the extension range. */
  | 'unknown_type'
  /** A frame that only the other side may send. */
  | 'wrong_direction'
  /** A binary body does not fit its layout. */
  | 'layout'
  /** Not CBOR or JSON as the protocol wants it. */
  | 'encoding'
  /** A field is missing, of the wrong type or out of its range. */
  | 'field';

export interface DecodeFailure extends Malformed {
  readonly kind: MalformedKind;
}

/** Leaves a body's decoder; never leaves the package. */
export class Rejection extends Error implements DecodeFailure {
  readonly kind: MalformedKind;

  constructor(kind: MalformedKind, reason: string) {
    super(reason);
    this.kind = kind;
  }

  get reason(): string {
    return this.message;
  }
}

/** The failure that a decoder threw; anything else is a defect of ours and goes on. */
export function failureOf(error: unknown): DecodeFailure {
  if (!(error instanceof Rejection)) throw error;
  return { kind: error.kind, reason: error.reason };
}
