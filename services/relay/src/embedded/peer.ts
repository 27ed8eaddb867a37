import type { NodeId } from '@causeway/protocol';
import type { ForeignReservation } from '../core/inspection-ports.ts';
import type { HandedOver, Location, ReservationLimits } from '../core/ports.ts';
import { createMailbox, type MailboxState } from './mailbox-state.ts';

/** A location with an owner outlives missed refreshes by this, beyond a second ttl. */
const OWNER_SLACK_MS = 60_000;
/** `left` must be known for this long, or eviction would begin at once. */
const JUST_GONE_MS = 5000;
const MAX_ENDED = 8;
/** Coming back within this time counts as never having been away; before it, the cap of the mailbox evicts nothing. */
export const RECONNECT_MS = 2000;

export interface Registration extends Location {
  readonly connection: string;
}

export interface LocationState {
  owner: Registration | null;
  /** Epoch of the last registration. */
  epoch: number;
  /** Registrations that have not handed over, oldest first. */
  prev: Registration[];
  expiresAt: number;
  resumeHash: string;
  attempt: number | null;
  limits: ReservationLimits;
  renewed: boolean;
  /** When the peer came online. */
  since: number;
  /** When it went offline; null while it is online. */
  left: number | null;
  /** The last connections whose registration has ended: none comes back by a registration that was sent twice. */
  ended: string[];
  forgetAt: number;
}

/** All that is known of one peer. */
export interface PeerState {
  location: LocationState | null;
  mailbox: MailboxState;
  /** Node -> when its watch ends. */
  readonly watchers: Map<NodeId, number>;
  foreign: ForeignReservation | null;
}

/** Drops what has expired. */
export function settlePeer(peer: PeerState, now: number): void {
  if (peer.location && peer.location.forgetAt <= now) peer.location = null;
  if (peer.mailbox.forgetAt <= now) peer.mailbox = createMailbox();
  if (peer.foreign && peer.foreign.expiresAt <= now) peer.foreign = null;
  for (const [node, until] of peer.watchers) if (until <= now) peer.watchers.delete(node);
}

export function isForgotten(peer: PeerState): boolean {
  return (
    peer.location === null &&
    peer.mailbox.forgetAt === Number.POSITIVE_INFINITY &&
    peer.watchers.size === 0 &&
    peer.foreign === null
  );
}

export function extendReservation(location: LocationState, ttlMs: number, now: number): void {
  location.expiresAt = now + ttlMs;
  location.forgetAt = now + ttlMs * 2 + OWNER_SLACK_MS;
}

export function isAt(registration: Location | null | undefined, location: Location): boolean {
  return registration?.node === location.node && registration.epoch === location.epoch;
}

/** Ends the registration whose turn it is: the head of `prev`, or the owner when `prev` is empty. */
export function handOver(peer: PeerState, location: LocationState, now: number): HandedOver {
  const ending = location.prev.shift();
  rememberEnded(location, ending ?? location.owner);
  if (ending) {
    const owner = place(location.owner);
    return { next: place(location.prev[0] ?? null) ?? owner, owner, watchers: [] };
  }
  location.owner = null;
  location.left = now;
  location.forgetAt = Math.max(location.expiresAt, now + JUST_GONE_MS);
  return { next: null, owner: null, watchers: [...peer.watchers.keys()] };
}

function rememberEnded(location: LocationState, registration: Registration | null): void {
  if (registration) location.ended = [...location.ended, registration.connection].slice(-MAX_ENDED);
}

/** Just the location of a registration. */
export function place(registration: Registration | null | undefined): Location | null {
  return registration ? { node: registration.node, epoch: registration.epoch } : null;
}
