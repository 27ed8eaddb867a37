import type { PeerId, RealmName, WelcomeFrame } from '@causeway/protocol';
import type { Buckets } from './policy.ts';
import type { Registered, ReservationLimits } from './ports.ts';
import type { Settings } from './settings.ts';

/** What a registered client is told: its place, its limits, and what it has to keep to (PROTOCOL section 2). */
export function welcomeFrame(
  settings: Settings,
  realm: RealmName,
  peer: PeerId,
  registered: Registered,
  buckets: Buckets,
  now: number,
): WelcomeFrame {
  return {
    type: 'welcome',
    peer,
    realm,
    node: settings.node,
    ...(settings.region === '' ? {} : { region: settings.region }),
    epoch: registered.epoch,
    heartbeatMs: settings.heartbeatMs,
    maxPayload: settings.maxPayload,
    sendWindow: settings.sendWindow,
    queued: registered.queued,
    reservation: {
      ttlMs: settings.reservationTtlMs,
      expiresAt: registered.expiresAt,
      renewed: registered.renewed,
      limits: onTheWire(buckets),
    },
    serverTime: now,
  };
}

function onTheWire({ messages, bytes }: Buckets): ReservationLimits {
  return {
    ...(messages !== null && { messagesPerSecond: wholeRate(messages.perSecond) }),
    ...(bytes !== null && { bytesPerSecond: wholeRate(bytes.perSecond) }),
  };
}

/** The wire has whole numbers; a slow rate is not told as none at all. */
function wholeRate(perSecond: number): number {
  return Math.max(1, Math.floor(perSecond));
}
