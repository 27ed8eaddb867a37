import { createHash, randomBytes } from 'node:crypto';
import {
  DELIVERY_WINDOW_BYTES,
  DELIVERY_WINDOW_MESSAGES,
  MAX_WATCHED,
  type NodeId,
  OUTCOME_TIMEOUT_MS,
} from '@causeway/protocol';
import type { RelayConfig } from './config.ts';
import type { Settings } from './core/settings.ts';
import { toTunnelSettings } from './tunnels-config.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;

/** A node is named anew at each start, so that nothing meant for an earlier one reaches it. */
export function newNodeId(): NodeId {
  return `n${randomBytes(6).toString('hex')}` as NodeId;
}

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** What of the configuration the core works by, with the protocol's fixed numbers. */
export function toSettings(config: RelayConfig, node: NodeId): Settings {
  return {
    node,
    region: config.region,
    url: config.publicUrl ?? '',
    heartbeatMs: config.heartbeatMs,
    helloTimeoutMs: config.helloTimeoutMs,
    maxPayload: config.maxPayload,
    sendWindow: config.sendWindow,
    messageBytes: config.messageBytes,
    deliveryWindow: DELIVERY_WINDOW_MESSAGES,
    deliveryWindowBytes: DELIVERY_WINDOW_BYTES,
    ackTimeoutMs: config.ackTimeoutMs,
    outcomeTimeoutMs: OUTCOME_TIMEOUT_MS,
    reservationTtlMs: config.reservationTtlSeconds * SECOND,
    mailboxMessages: config.mailboxMessages,
    mailboxBytes: config.mailboxBytes,
    mailboxTtlMs: config.mailboxTtlSeconds * SECOND,
    realmMailboxBytes: config.realmMailboxBytes,
    nodeLeaseMs: config.nodeLeaseMs,
    limitsAway: config.limitsAway,
    usagePerPeer: config.usagePeers === 'on',
    usageFlushMs: config.usageFlushSeconds * SECOND,
    usageKeepMs: config.usageKeepDays * DAY,
    rebalance: config.rebalance,
    linkBytes: config.linkBytes,
    inboxBytes: config.inboxBytes,
    maxWatched: MAX_WATCHED,
    tunnels: toTunnelSettings(config),
    randomHex,
    sha256Hex: (bytes) => createHash('sha256').update(bytes).digest('hex'),
  };
}
