import type { Registered, RegisterReply, RegisterRequest, Unavailable } from '../core/ports.ts';
import { dropExpired } from './mailbox-state.ts';
import {
  extendReservation,
  type LocationState,
  type PeerState,
  place,
  RECONNECT_MS,
  type Registration,
} from './peer.ts';

const MAX_PREV = 8;

/** Makes the connection the owner of the peer; the former owner goes to `prev`. */
export function register(peer: PeerState, request: RegisterRequest, now: number): Exclude<RegisterReply, Unavailable> {
  const known = peer.location;
  const repeated = known && answerTo(peer, known, request, now);
  if (repeated) return repeated;
  if (known?.ended.includes(request.connection)) return { kind: 'superseded' };

  if (request.reclaims > 0 && known?.owner && known.owner.epoch > request.reclaims) return { kind: 'superseded' };

  const live = known !== null && known.expiresAt > now;
  const sameSecret = live && request.resumeHash !== '' && known.resumeHash === request.resumeHash;
  if (sameSecret && request.attempt !== null && known.attempt !== null && request.attempt < known.attempt) {
    return { kind: 'superseded' };
  }
  if (live && request.sticky && !sameSecret) return { kind: 'peer_in_use' };
  if (known?.owner && known.prev.length >= MAX_PREV) return { kind: 'too_many_handovers' };

  const owner: Registration = {
    node: request.node,
    epoch: Math.max((known?.epoch ?? 0) + 1, request.reclaims + 1, Math.floor(now * 1000)),
    connection: request.connection,
  };
  const location: LocationState = {
    owner,
    epoch: owner.epoch,
    prev: known?.owner ? [...known.prev, known.owner] : (known?.prev ?? []),
    expiresAt: 0,
    resumeHash: request.resumeHash,
    attempt: request.attempt,
    limits: sameSecret ? known.limits : request.limits,
    renewed: sameSecret,
    since: onlineSince(known, now),
    left: null,
    ended: known?.ended ?? [],
    forgetAt: 0,
  };
  extendReservation(location, request.ttlMs, now);
  peer.location = location;
  return registered(peer, location, owner.epoch, location.prev, request.mailboxTtlMs, now);
}

function onlineSince(known: LocationState | null, now: number): number {
  if (!known) return now;
  const justLeft = known.left !== null && now - known.left < RECONNECT_MS;
  return known.owner || justLeft ? known.since : now;
}

/** The answer that this connection has had already; null when it is new. */
function answerTo(
  peer: PeerState,
  known: LocationState,
  { node, connection, mailboxTtlMs }: RegisterRequest,
  now: number,
): Registered | null {
  const isSame = (one: Registration) => one.node === node && one.connection === connection;
  if (known.owner && isSame(known.owner)) {
    return registered(peer, known, known.epoch, known.prev, mailboxTtlMs, now);
  }
  const at = known.prev.findIndex(isSame);
  const earlier = known.prev[at];
  return earlier ? registered(peer, known, earlier.epoch, known.prev.slice(0, at), mailboxTtlMs, now) : null;
}

function registered(
  peer: PeerState,
  location: LocationState,
  epoch: number,
  prev: readonly Registration[],
  mailboxTtlMs: number,
  now: number,
): Registered {
  dropExpired(peer.mailbox, mailboxTtlMs, now);
  return {
    kind: 'registered',
    epoch,
    prev: prev.flatMap((one) => place(one) ?? []),
    renewed: location.renewed,
    expiresAt: location.expiresAt,
    limits: location.limits,
    queued: peer.mailbox.entries.size,
    seen: peer.mailbox.seen,
    watchers: [...peer.watchers.keys()],
  };
}
