import type { ErrorCodeName, HelloFrame, PeerId, RealmName } from '@causeway/protocol';
import type { ReservationLimits } from './ports.ts';

export interface Member {
  readonly kind: 'member';
  readonly peer: PeerId;
  /** A live reservation of the peer is defended against other secrets. */
  readonly sticky: boolean;
  readonly limits: ReservationLimits;
  /** Milliseconds since 1970 at which its token ends; null for never. */
  readonly expiresAt: number | null;
  /** Names the token (its `jti`) among those revoked; empty without one. */
  readonly token: string;
  /** Milliseconds since 1970 at which its token was issued: one older than a revocation of the peer is void. 0: unknown. */
  readonly issuedAt: number;
}

export interface Refused {
  readonly kind: 'refused';
  readonly code: ErrorCodeName;
  readonly message: string;
  /** Milliseconds; for codes that a wait can cure. */
  readonly retryAfterMs?: number;
}

/** What is known of a connection before its client has said who it is. */
export interface Origin {
  /** Client's address. */
  readonly address: string;
}

/** Decides who a client is, and whether it may come in and stay. */
export interface Authenticator {
  /** Counts a connection; null: it may go on to its HELLO. */
  admit(origin: Origin): Promise<Refused | null>;
  /**
   * @param prove sends CHALLENGE with the nonce and resolves to the signature of PROOF; null when the connection closed
   */
  authenticate(
    hello: HelloFrame,
    origin: Origin,
    prove: (nonce: Uint8Array) => Promise<Uint8Array | null>,
  ): Promise<Member | Refused>;
  /** Whether a member's token has ended; null: it has not. Cheap: for every connection every second. */
  hasEnded(member: Member, now: number): Refused | null;
  /** Whether one that was let in has to go now, by a ban or because its token ended or was revoked; null: it may stay. */
  recheck(realm: RealmName, member: Member, address: string, now: number): Refused | null;
}
