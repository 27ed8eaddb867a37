import { UNLIMITED_ATTEMPTS } from '../core/attempts.ts';
import type { Store } from '../core/ports.ts';
import type { AttemptLimits } from '../core/shared-ports.ts';
import { RedisAttempts } from './attempts.ts';
import { RedisAuditTrail } from './audit-trail.ts';
import { RedisBuckets } from './buckets.ts';
import { Commands, type OnCommand } from './commands.ts';
import { type ClientRole, createClient, createLaneClient, onReconnect } from './connect.ts';
import { RedisAudit } from './consistency.ts';
import { RedisDirectory } from './directory.ts';
import { RedisDocuments } from './documents.ts';
import { RedisForeignReservations } from './foreign-reservations.ts';
import { RedisHealth } from './health.ts';
import { RedisInbox } from './inbox.ts';
import { Keys } from './keys.ts';
import { RedisLedger } from './ledger.ts';
import { RedisLinks } from './links.ts';
import { RedisMailbox } from './mailbox.ts';
import { RedisMembership } from './membership.ts';
import { RedisNotices } from './notices.ts';
import { RedisPeers } from './peers.ts';
import { RedisPresence } from './presence.ts';
import { RedisReaping } from './reaping.ts';
import { ReplicatedWrites } from './replicated-writes.ts';
import { RedisRooms } from './rooms.ts';
import { defineScripts } from './scripts.ts';
import { RedisSnapshots } from './snapshots.ts';
import { RedisTallies } from './tallies.ts';
import { RedisTunnelStreams } from './tunnel-streams.ts';
import type { RedisTarget } from './url.ts';
import { RedisUsage } from './usage.ts';

export const DEFAULT_PREFIX = 'cw:';

export interface RedisStoreOptions {
  readonly target: RedisTarget;
  /** In front of every key; no braces. */
  readonly prefix?: string;
  /** Replicas that must have a stored message before it is answered as stored; 0 by default. */
  readonly minReplicas?: number;
  /** Of this software: the other nodes are told. */
  readonly release?: string;
  /** None by default. */
  readonly attempts?: AttemptLimits;
  /** Told of each command, for metrics. `inboxRead` and `tunnelRead` wait for entries: their time says nothing of Redis. */
  readonly onCommand?: OnCommand;
  /** Told of each connection fault, for the log. Reconnecting goes on by itself. */
  readonly onError?: (error: Error) => void;
}

const ignore = (): void => undefined;

/**
 * Everything that nodes share, in Redis. It connects in the background: until then calls answer `unavailable`.
 * Throws a RangeError for a prefix with braces.
 */
export function createRedisStore(options: RedisStoreOptions): Store {
  const {
    target,
    prefix = DEFAULT_PREFIX,
    minReplicas = 0,
    release = '',
    attempts = UNLIMITED_ATTEMPTS,
    onCommand = ignore,
    onError = ignore,
  } = options;
  const keys = new Keys(prefix);
  const connect = (role: ClientRole) => new Commands(createClient(target, role, onError), onCommand);
  const commands = connect('commands');
  defineScripts(commands.client);
  const replicated =
    minReplicas === 0
      ? null
      : new ReplicatedWrites({
          commands,
          minReplicas,
          connect: (address) => createLaneClient(target, address, onError),
        });
  const writes = replicated ?? commands;
  const inbox = new RedisInbox(commands, keys, () => connect('reader'));
  const bulk = connect('bulk');
  defineScripts(bulk.client);
  const tunnels = new RedisTunnelStreams(commands, bulk, keys, () => connect('reader'));
  const notices = new RedisNotices(commands, keys, () => createClient(target, 'subscriber', onError));
  return {
    directory: new RedisDirectory(commands, writes, keys),
    mailbox: new RedisMailbox(commands, writes, keys),
    ledger: new RedisLedger(commands, keys),
    links: new RedisLinks(commands, keys),
    inbox,
    reaping: new RedisReaping(commands, keys),
    presence: new RedisPresence(commands, keys),
    membership: new RedisMembership(commands, keys, release),
    health: new RedisHealth(commands, minReplicas),
    audit: new RedisAudit(commands, keys, prefix),
    attempts: new RedisAttempts(commands, keys, attempts, onCommand),
    tallies: new RedisTallies(commands, keys),
    buckets: new RedisBuckets(commands, keys),
    rooms: new RedisRooms(commands, keys),
    tunnels,
    usage: new RedisUsage(commands, keys),
    snapshots: new RedisSnapshots(commands, keys),
    documents: new RedisDocuments(commands, keys),
    notices,
    auditTrail: new RedisAuditTrail(commands, keys),
    peers: new RedisPeers(commands, keys),
    foreignReservations: new RedisForeignReservations(commands, keys),
    onDisturbed: (listener) => onReconnect(commands.client, listener),
    async close() {
      await Promise.all([inbox.stop(), tunnels.stop()]);
      notices.close();
      replicated?.close();
      bulk.client.disconnect();
      commands.client.disconnect();
    },
  };
}
