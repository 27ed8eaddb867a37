import { type Config, variable } from '@causeway/service-kit';
import { z } from 'zod';
import type { AttemptLimit, AttemptLimits } from './core/shared-ports.ts';

const LIMIT = /^(\d{1,7})\/(\d{1,5})\/(\d{1,6})$/;

const attemptLimit = z
  .string()
  .transform((text, context): AttemptLimit => {
    if (text === 'off') return { points: 0, seconds: 0, blockSeconds: 0 };
    const [points = 0, seconds = 0, blockSeconds = 0] = (LIMIT.exec(text) ?? []).slice(1).map(Number);
    if (points > 0 && seconds > 0) return { points, seconds, blockSeconds };
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is no limit` });
    return z.NEVER;
  })
  .describe('`off` or `points/seconds/blockSeconds`: how many in how long, and how long to wait when there were more');

/** What can be tried too often. */
export const ATTEMPT_VARIABLES = {
  attemptsConnect: variable({
    name: 'CAUSEWAY_ATTEMPTS_CONNECT',
    schema: attemptLimit,
    default: 'off',
    doc: 'Connections of one address (IPv6: of one /64), over all nodes. Behind a load balancer all clients have one address unless `CAUSEWAY_TRUSTED_PROXIES` is set.',
  }),
  attemptsFailedAuth: variable({
    name: 'CAUSEWAY_ATTEMPTS_FAILED_AUTH',
    schema: attemptLimit,
    default: '20/60/60',
    doc: 'Failed authentications of one address, over all nodes; while it is blocked, right ones are refused as well.',
  }),
  attemptsHello: variable({
    name: 'CAUSEWAY_ATTEMPTS_HELLO',
    schema: attemptLimit,
    default: '120/60/30',
    doc: 'HELLOs of one peer, over all nodes. Each node counts the first tenth of the points, up to 10, by itself: for each node so many more may pass.',
  }),
  attemptsRoom: variable({
    name: 'CAUSEWAY_ATTEMPTS_ROOM',
    schema: attemptLimit,
    default: '2000/600/60',
    doc: 'Rooms opened from one address (IPv6: one /64), over all nodes.',
  }),
  attemptsJoin: variable({
    name: 'CAUSEWAY_ATTEMPTS_JOIN',
    schema: attemptLimit,
    default: '10/60/60',
    doc: 'Failed joins of rooms from one address (IPv6: one /64), over all nodes; while it is blocked, right ones are refused as well.',
  }),
  attemptsJoinRoom: variable({
    name: 'CAUSEWAY_ATTEMPTS_JOIN_ROOM',
    schema: attemptLimit,
    default: '20/60/60',
    doc: 'Failed joins of one room code, over all nodes.',
  }),
  attemptsJoinAll: variable({
    name: 'CAUSEWAY_ATTEMPTS_JOIN_ALL',
    schema: attemptLimit,
    default: '1000/10/0',
    doc: 'Failed joins of all rooms together, over all nodes.',
  }),
} as const;

export function toAttemptLimits(config: Config<typeof ATTEMPT_VARIABLES>): AttemptLimits {
  return {
    connect: config.attemptsConnect,
    failed_auth: config.attemptsFailedAuth,
    hello: config.attemptsHello,
    room: config.attemptsRoom,
    join: config.attemptsJoin,
    join_room: config.attemptsJoinRoom,
    join_all: config.attemptsJoinAll,
  };
}
