import { fileURLToPath } from 'node:url';
import type { WireName } from './generator/job.ts';
import { freePorts, type Started, startNode, untilListening, untilReady } from './machine/processes.ts';
import { type RedisServer, startRedis } from './machine/redis.ts';
import type { SystemName } from './points.ts';

/** A system under test while it runs. */
export interface System {
  readonly wire: WireName;
  readonly senderPort: number;
  /** Of another node wherever there is more than one. */
  readonly receiverPort: number;
  readonly redis: RedisServer | null;
  /** The servers on the path of a message, then Redis. */
  readonly busy: readonly Started[];
  readonly idle: readonly Started[];
  stop(): Promise<void>;
}

interface Recipe {
  readonly wire: WireName;
  readonly nodes: number;
  readonly redis: boolean;
  /** Limits of the peer, its realm and the cluster that no load reaches: each message is counted against all of them. */
  readonly limits?: boolean;
}

const RECIPES: Readonly<Record<SystemName, Recipe>> = {
  bare: { wire: 'bare', nodes: 1, redis: false },
  'causeway-1': { wire: 'causeway', nodes: 1, redis: false },
  'causeway-1-limits': { wire: 'causeway', nodes: 1, redis: false, limits: true },
  'causeway-2-limits': { wire: 'causeway', nodes: 2, redis: true, limits: true },
  'causeway-2': { wire: 'causeway', nodes: 2, redis: true },
  'causeway-8': { wire: 'causeway', nodes: 8, redis: true },
  'socketio-2': { wire: 'socketio', nodes: 2, redis: true },
};

const BARE = new URL('./servers/bare.ts', import.meta.url);
const SOCKETIO = new URL('./servers/socketio.ts', import.meta.url);
const LIMITS = fileURLToPath(new URL('./servers/limits.json', import.meta.url));
const RELAY = new URL('../../services/relay/src/main.ts', import.meta.url);

export function startSystem(name: SystemName): Promise<System> {
  return startRecipe(RECIPES[name]);
}

/** One Causeway node that shares its state through Redis. */
export function startRelayWithRedis(): Promise<System> {
  return startRecipe({ wire: 'causeway', nodes: 1, redis: true });
}

async function startRecipe(recipe: Recipe): Promise<System> {
  const redis = recipe.redis ? await startRedis() : null;
  const nodes: Started[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis?.stop();
  };
  try {
    const ports = await freePorts(recipe.nodes * 2);
    for (let index = 0; index < recipe.nodes; index++) {
      await startServer(recipe, index, ports, redis?.url ?? null, nodes);
    }
    return {
      wire: recipe.wire,
      senderPort: ports[0] as number,
      receiverPort: ports[recipe.nodes > 1 ? 2 : 0] as number,
      redis,
      busy: [...nodes.slice(0, 2), ...(redis === null ? [] : [redis.process])],
      idle: nodes.slice(2),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts server number `index` on its two ports, public and admin; puts it into `nodes` before it is ready. */
async function startServer(
  { wire, limits = false }: Recipe,
  index: number,
  ports: readonly number[],
  redisUrl: string | null,
  nodes: Started[],
): Promise<void> {
  const [port, adminPort] = [ports[index * 2] as number, ports[index * 2 + 1] as number];
  const name = `node-${String.fromCharCode(0x61 + index)}`;
  if (wire === 'causeway') {
    const node = startNode(name, RELAY, [], relayEnv(port, adminPort, redisUrl, limits));
    nodes.push(node);
    return untilReady(node, () => answers(`http://127.0.0.1:${adminPort}/health/ready`));
  }
  const node =
    wire === 'bare'
      ? startNode(name, BARE, [String(port)])
      : startNode(name, SOCKETIO, [String(port), String(redisUrl)], { NODE_ENV: 'production' });
  nodes.push(node);
  return untilListening(node);
}

function relayEnv(port: number, adminPort: number, redisUrl: string | null, limits: boolean): Record<string, string> {
  return {
    NODE_ENV: 'production',
    CAUSEWAY_HOST: '127.0.0.1',
    CAUSEWAY_PORT: String(port),
    CAUSEWAY_ADMIN_PORT: String(adminPort),
    CAUSEWAY_LOG_LEVEL: 'warn',
    ...(redisUrl === null ? {} : { CAUSEWAY_REDIS_URL: redisUrl }),
    ...(limits ? { CAUSEWAY_POLICY_FILE: LIMITS } : {}),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status === 200;
  } catch (error) {
    // fetch reports a refused connection as a TypeError: the server does not listen yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
