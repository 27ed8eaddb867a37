import { setTimeout as sleep } from 'node:timers/promises';
import { Generator } from './generator-process.ts';
import { residentBytes } from './machine/accounting.ts';
import { startRelayWithRedis } from './systems.ts';

export interface IdleMeasurement {
  readonly connections: number;
  /** Bytes a connection, what the first 1000 (closed again) had cost not counted. */
  readonly relayBytes: number;
  readonly redisBytes: number;
}

const WARMUP_CONNECTIONS = 1000;
/** For timers that run once a second, and for garbage of the handshakes. */
const SETTLE_MS = 4000;

/** What registered connections that say nothing cost one relay in Redis mode. */
export async function measureIdle(connections: number): Promise<IdleMeasurement> {
  const system = await startRelayWithRedis();
  const generator = new Generator();
  try {
    const { wire, senderPort: port, redis } = system;
    const relay = system.busy[0]?.pid;
    if (redis === null || relay === undefined) throw new Error('the idle measurement needs a relay with Redis');
    generator.ask({ type: 'idle', wire, label: 'warm', port, connections: WARMUP_CONNECTIONS });
    await generator.next('held');
    generator.ask({ type: 'release' });
    await generator.next('done');
    await sleep(SETTLE_MS);
    const [relayBefore, redisBefore] = [residentBytes(relay), await redis.usedMemoryBytes()];
    generator.ask({ type: 'idle', wire, label: 'held', port, connections });
    await generator.next('held');
    await sleep(SETTLE_MS);
    return {
      connections,
      relayBytes: (residentBytes(relay) - relayBefore) / connections,
      redisBytes: ((await redis.usedMemoryBytes()) - redisBefore) / connections,
    };
  } finally {
    await generator.process.stop();
    await system.stop();
  }
}
