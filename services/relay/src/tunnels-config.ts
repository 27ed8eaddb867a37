import {
  DEFAULT_MAX_ROOM_TTL_MS,
  DEFAULT_ROOM_TTL_MS,
  DEFAULT_ROOMS_PER_REALM,
  DEFAULT_TUNNEL_BYTES,
  DEFAULT_TUNNEL_IDLE_MS,
  DEFAULT_TUNNEL_WINDOW_BYTES,
  DEFAULT_TUNNELS_PER_CONNECTION,
} from '@causeway/protocol';
import { type Config, integer, variable } from '@causeway/service-kit';
import type { TunnelSettings } from './core/settings.ts';

const SECOND_MS = 1000;
const DAY_SECONDS = 86_400;
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Rooms and tunnels. */
export const TUNNEL_VARIABLES = {
  tunnelsPerConnection: variable({
    name: 'CAUSEWAY_TUNNELS_PER_CONNECTION',
    schema: integer(0, 10_000),
    default: String(DEFAULT_TUNNELS_PER_CONNECTION),
    doc: 'Tunnels and open rooms of one connection together; 0: there are none on this relay.',
  }),
  tunnelWindow: variable({
    name: 'CAUSEWAY_TUNNEL_WINDOW',
    schema: integer(64 * KIB, GIB),
    default: String(DEFAULT_TUNNEL_WINDOW_BYTES),
    doc: 'Bytes of one direction of a tunnel that may be on their way: what relays and Redis together hold of it at most.',
  }),
  tunnelMaxBytes: variable({
    name: 'CAUSEWAY_TUNNEL_MAX_BYTES',
    schema: integer(MIB, Number.MAX_SAFE_INTEGER),
    default: String(DEFAULT_TUNNEL_BYTES),
    doc: 'Bytes that one tunnel may carry, both directions together.',
  }),
  tunnelIdleSeconds: variable({
    name: 'CAUSEWAY_TUNNEL_IDLE_SECONDS',
    schema: integer(1, 30 * DAY_SECONDS),
    default: String(DEFAULT_TUNNEL_IDLE_MS / SECOND_MS),
    doc: 'Seconds without traffic after which a tunnel is closed.',
  }),
  tunnelHeldBytes: variable({
    name: 'CAUSEWAY_TUNNEL_HELD_BYTES',
    schema: integer(8 * MIB, KIB * GIB),
    default: String(256 * MIB),
    doc: 'Bytes of all tunnels that wait in memory for slow clients and other nodes; as they fill up, tunnels that hold much are closed.',
  }),
  tunnelStreamBytes: variable({
    name: 'CAUSEWAY_TUNNEL_STREAM_BYTES',
    schema: integer(MIB, 64 * GIB),
    default: String(16 * MIB),
    doc: 'Bytes of tunnels that wait in Redis for one node.',
  }),
  roomTtlSeconds: variable({
    name: 'CAUSEWAY_ROOM_TTL_SECONDS',
    schema: integer(1, 30 * DAY_SECONDS),
    default: String(DEFAULT_ROOM_TTL_MS / SECOND_MS),
    doc: 'Seconds for which a room is open where its owner asks for nothing else.',
  }),
  roomMaxTtlSeconds: variable({
    name: 'CAUSEWAY_ROOM_MAX_TTL_SECONDS',
    schema: integer(1, 30 * DAY_SECONDS),
    default: String(DEFAULT_MAX_ROOM_TTL_MS / SECOND_MS),
    doc: 'Seconds for which a room is open at most.',
  }),
  roomsPerRealm: variable({
    name: 'CAUSEWAY_ROOMS_PER_REALM',
    schema: integer(0, 10_000_000),
    default: String(DEFAULT_ROOMS_PER_REALM),
    doc: 'Open rooms of a realm, where the [policy](limits.md) has no cap for it.',
  }),
} as const;

export function toTunnelSettings(config: Config<typeof TUNNEL_VARIABLES>): TunnelSettings {
  return {
    perConnection: config.tunnelsPerConnection,
    windowBytes: config.tunnelWindow,
    maxBytes: config.tunnelMaxBytes,
    idleMs: config.tunnelIdleSeconds * SECOND_MS,
    roomTtlMs: config.roomTtlSeconds * SECOND_MS,
    maxRoomTtlMs: config.roomMaxTtlSeconds * SECOND_MS,
    roomsPerRealm: config.roomsPerRealm,
    heldBytes: config.tunnelHeldBytes,
    streamBytes: config.tunnelStreamBytes,
  };
}
