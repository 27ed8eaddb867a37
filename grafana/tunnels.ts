import type { Row } from './frame.ts';
import { of, rate, series } from './kit.ts';

/** What limits attempts at rooms; the others are at the door. */
export const ROOM_ATTEMPTS = 'room|join.*';

/** All nodes together. */
export const roomsAndTunnels: Row = {
  title: 'Rooms and tunnels',
  panels: [
    series({
      title: 'Tunnels',
      about: 'Open ones, and those that were asked for: half of their ends, of which each node counts its own.',
      unit: 'short',
      queries: [{ expr: `sum(${of('causeway_tunnel_ends')}) / 2`, legend: 'tunnels' }],
    }),
    series({
      title: 'Tunnels opened',
      about: 'By the id of a peer, or by a room.',
      unit: 'ops',
      stacked: true,
      queries: [{ expr: rate(of('causeway_tunnels_opened_total'), 'kind'), legend: '{{kind}}' }],
    }),
    series({
      title: 'Calls for tunnels',
      about: 'Calls, and joins of rooms that were found, by outcome. `unavailable`: nobody answered in time.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_tunnel_calls_total'), 'outcome'), legend: '{{outcome}}' }],
    }),
    series({
      title: 'Bytes through tunnels',
      about: 'What clients send into tunnels, each byte once, however many nodes it passes.',
      unit: 'Bps',
      queries: [{ expr: rate(of('causeway_tunnel_bytes_total')), legend: 'bytes' }],
    }),
    series({
      title: 'Bytes of tunnels that wait',
      about: 'For a slow client, or for Redis to take what another node is sent. Tunnels that hold much are closed.',
      unit: 'bytes',
      queries: [{ expr: `sum(${of('causeway_tunnel_waiting_bytes')})`, legend: 'waiting' }],
    }),
    series({
      title: 'Tunnels closed by the relay',
      about: 'By reason. `overloaded`, `lost` and `unavailable` are the relay’s own; `node_gone` comes with deaths.',
      unit: 'ops',
      queries: [{ expr: `${rate(of('causeway_tunnels_failed_total'), 'reason')} > 0`, legend: '{{reason}}' }],
    }),
    series({
      title: 'Rooms opened',
      about: 'Each becomes one tunnel, or ends unused.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_rooms_opened_total')), legend: 'rooms' }],
    }),
    series({
      title: 'Failed joins',
      about: 'Joins that found no room: a code that is wrong, used up, or too old. A peak is somebody who guesses.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_room_joins_failed_total')), legend: 'no room' }],
    }),
    series({
      title: 'Too many rooms and joins',
      about:
        'Refused because there had been too many: rooms or failed joins of an address, or failed joins of a room or of all.',
      unit: 'ops',
      queries: [
        {
          expr: rate(of('causeway_attempts_refused_total', `attempt=~"${ROOM_ATTEMPTS}"`), 'attempt'),
          legend: '{{attempt}}',
        },
      ],
    }),
  ],
};

/** Which node it is. */
export const tunnelsByNode: Row = {
  title: 'Tunnels',
  panels: [
    series({
      title: 'Ends of tunnels by node',
      about: 'At clients of the node. A tunnel with both ends on one node costs least.',
      unit: 'short',
      queries: [{ expr: of('causeway_tunnel_ends'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Bytes into tunnels by node',
      about: 'What the clients of the node send.',
      unit: 'Bps',
      queries: [{ expr: rate(of('causeway_tunnel_bytes_total'), 'instance'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Bytes of tunnels that wait by node',
      about: 'For slow clients, or for Redis to take what other nodes are sent.',
      unit: 'bytes',
      queries: [{ expr: of('causeway_tunnel_waiting_bytes'), legend: '{{instance}}' }],
    }),
  ],
};
