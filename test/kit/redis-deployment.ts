import type { RedisNode } from './redis-node.ts';
import { stopAll } from './start-all.ts';
import { GiveUp } from './wait.ts';

/** A Redis in one of its three forms. */
export interface RedisDeployment {
  /** As CAUSEWAY_REDIS_URL takes it. */
  readonly url: string;
  /** All processes, primaries first, then replicas, then Sentinels. */
  readonly nodes: readonly RedisNode[];
  /** Empties every server that is a primary now. */
  flush(): Promise<void>;
  /** INFO (or one section of it) of each server that runs, Sentinels left out, in the order of `nodes`. */
  info(section?: string): Promise<Map<string, string>[]>;
  stop(): Promise<void>;
}

/** The fields of an INFO answer. */
export function parseInfo(text: string): Map<string, string> {
  const fields = text.matchAll(/^([^#:\r\n]+):([^\r\n]*)/gm);
  return new Map(Array.from(fields, ([, name, value]) => [name as string, value as string]));
}

/** For the checks of a start: a node that has ended will never answer. */
export function needAlive(nodes: readonly RedisNode[]): void {
  const ended = nodes.find((node) => !node.isAlive());
  if (ended !== undefined) throw new GiveUp(`redis-server on port ${ended.port} ended while the others started`);
}

export function deployment(url: string, nodes: readonly RedisNode[]): RedisDeployment {
  const servers = () => nodes.filter((node) => node.role !== 'sentinel' && node.isAlive());
  return {
    url,
    nodes,
    async flush() {
      for (const { client } of servers()) {
        const [role] = (await client.call('ROLE')) as [string];
        if (role === 'master') await client.flushall();
      }
    },
    async info(section = 'default') {
      return Promise.all(servers().map(async ({ client }) => parseInfo(await client.info(section))));
    },
    stop: () => stopAll(nodes),
  };
}
