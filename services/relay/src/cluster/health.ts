import { Cluster, type Redis } from 'ioredis';
import type { StoreHealth, Unavailable } from '../core/ports.ts';
import type { Commands } from './commands.ts';

const OLDEST_MAJOR = 7;

/** Asks every primary. INFO is used because an ACL often forbids CONFIG. */
export class RedisHealth implements StoreHealth {
  private readonly commands: Commands;

  constructor(commands: Commands) {
    this.commands = commands;
  }

  async check(): Promise<{ kind: 'healthy' } | { kind: 'unhealthy'; reason: string } | Unavailable> {
    const { client } = this.commands;
    // INFO is answered a moment before the client takes other commands.
    if (client.status !== 'ready') return { kind: 'unavailable', reason: 'no connection' };
    const primaries = client instanceof Cluster ? client.nodes('master') : [client];
    const faults = await Promise.all(primaries.map((primary) => this.faultOf(primary)));
    const [unavailable] = faults.filter((fault) => typeof fault === 'object');
    if (unavailable) return unavailable;
    const reasons = faults.filter((fault) => fault !== '');
    return reasons.length === 0 ? { kind: 'healthy' } : { kind: 'unhealthy', reason: reasons.join('; ') };
  }

  /** Empty when there is none. */
  private faultOf(primary: Redis): Promise<string | Unavailable> {
    return this.commands.run(
      'info',
      () => primary.info('server', 'memory'),
      (info) => unfitness(`${primary.options.host}:${primary.options.port}`, info),
    );
  }
}

/** Why a server with this INFO cannot be used, in a sentence that says what to do; empty when it can. */
export function unfitness(server: string, info: string): string {
  const version = field(info, 'redis_version');
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    return `Redis at ${server} is version ${version}: ${OLDEST_MAJOR}.0 or newer is needed`;
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy === 'noeviction') return '';
  return `Redis at ${server} has maxmemory-policy ${policy}, which drops stored messages: set it to noeviction`;
}

function field(info: string, name: string): string {
  const [, value = 'unknown'] = new RegExp(`^${name}:([^\r\n]*)`, 'm').exec(info) ?? [];
  return value;
}
