import { Cluster, type Redis } from 'ioredis';
import type { StoreHealth, Unavailable } from '../core/ports.ts';
import type { Commands } from './commands.ts';

const OLDEST_MAJOR = 7;
/** Seconds since a replica last confirmed what it has, which it does every second. */
const MAX_LAG = 3;

/** Asks every primary. INFO is used because an ACL often forbids CONFIG. */
export class RedisHealth implements StoreHealth {
  private readonly commands: Commands;
  private readonly minReplicas: number;

  /** @param minReplicas that each primary must have, in sync */
  constructor(commands: Commands, minReplicas: number) {
    this.commands = commands;
    this.minReplicas = minReplicas;
  }

  async check(): Promise<{ kind: 'healthy' } | { kind: 'unhealthy'; reason: string } | Unavailable> {
    const { client } = this.commands;
    // A server that loads its data takes connections, and no commands yet.
    if (client.status === 'connect') return { kind: 'unavailable', reason: 'connected, but not ready for commands' };
    // INFO is answered a moment before the client takes other commands.
    if (client.status !== 'ready') return { kind: 'unavailable', reason: 'no connection' };
    const primaries = client instanceof Cluster ? client.nodes('master') : [client];
    const faults = await Promise.all(primaries.map((primary) => this.faultOf(primary)));
    const [unavailable] = faults.filter((fault) => typeof fault === 'object');
    if (unavailable) return unavailable;
    const reasons = faults.filter((fault) => fault !== '');
    return reasons.length === 0 ? { kind: 'healthy' } : { kind: 'unhealthy', reason: reasons.join('; ') };
  }

  slots(): ReadonlyMap<string, number> {
    const slots = new Map<string, number>();
    const { client } = this.commands;
    if (!(client instanceof Cluster)) return slots;
    for (const servers of client.slots) {
      const primary = servers?.[0];
      if (primary !== undefined) slots.set(primary, (slots.get(primary) ?? 0) + 1);
    }
    return slots;
  }

  /** Empty when there is none. */
  private async faultOf(primary: Redis): Promise<string | Unavailable> {
    const server = `${primary.options.host}:${primary.options.port}`;
    const fault = await this.commands.run(
      'info',
      () => primary.info('server', 'memory', 'replication'),
      (info) => unfitness(server, info, this.minReplicas),
    );
    return typeof fault === 'string' ? fault : { kind: 'unavailable', reason: `Redis at ${server}: ${fault.reason}` };
  }
}

/** Why a server with this INFO cannot be used, in a sentence that says what to do; empty when it can. */
export function unfitness(server: string, info: string, minReplicas: number): string {
  const version = field(info, 'redis_version');
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    return `Redis at ${server} is version ${version}: ${OLDEST_MAJOR}.0 or newer is needed`;
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy !== 'noeviction') {
    return `Redis at ${server} has maxmemory-policy ${policy}, which drops stored messages: set it to noeviction`;
  }
  if (field(info, 'role') === 'slave') return `Redis at ${server} is a replica, which takes no writes`;
  if (isOutOfMemory(info)) return `Redis at ${server} has used up its maxmemory and refuses writes: give it more`;
  const replicas = replicasInSync(info);
  if (replicas >= minReplicas) return '';
  return `Redis at ${server} has ${replicas} replicas in sync: CAUSEWAY_REDIS_MIN_REPLICAS asks for ${minReplicas}`;
}

/** As Redis reckons: what is kept for replicas does not count. */
function isOutOfMemory(info: string): boolean {
  const most = Number(field(info, 'maxmemory'));
  const used = Number(field(info, 'used_memory')) - Number(field(info, 'mem_not_counted_for_evict'));
  return most > 0 && used > most;
}

function replicasInSync(info: string): number {
  const online = Array.from(info.matchAll(/^slave\d+:.*state=online,.*lag=(\d+)/gm), ([, lag]) => Number(lag));
  return online.filter((lag) => lag <= MAX_LAG).length;
}

function field(info: string, name: string): string {
  const [, value = 'unknown'] = new RegExp(`^${name}:([^\r\n]*)`, 'm').exec(info) ?? [];
  return value;
}
