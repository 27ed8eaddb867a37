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
  /** One of a hundred messages is traced, and a sink takes the spans. */
  readonly traced?: boolean;
}

const RECIPES: Readonly<Record<SystemName, Recipe>> = {
  bare: { wire: 'bare', nodes: 1, redis: false },
  'causeway-1': { wire: 'causeway', nodes: 1, redis: false },
  'causeway-1-limits': { wire: 'causeway', nodes: 1, redis: false, limits: true },
  'causeway-2-limits': { wire: 'causeway', nodes: 2, redis: true, limits: true },
  'causeway-1-traced': { wire: 'causeway', nodes: 1, redis: false, traced: true },
  'causeway-2-traced': { wire: 'causeway', nodes: 2, redis: true, traced: true },
  'causeway-2': { wire: 'causeway', nodes: 2, redis: true },
  'causeway-8': { wire: 'causeway', nodes: 8, redis: true },
  'socketio-2': { wire: 'socketio', nodes: 2, redis: true },
};

const BARE = new URL('./servers/bare.ts', import.meta.url);
const OTLP_SINK = new URL('./servers/otlp-sink.ts', import.meta.url);
const SOCKETIO = new URL('./servers/socketio.ts', import.meta.url);
const LIMITS = fileURLToPath(new URL('./servers/limits.json', import.meta.url));
const TRACED = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' };
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
  const sink = recipe.traced ? await startSink() : null;
  const nodes: Started[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis?.stop();
    await sink?.stop();
  };
  try {
    const ports = await freePorts(recipe.nodes * 2);
    for (let index = 0; index < recipe.nodes; index++) {
      await startServer(recipe, index, ports, { redisUrl: redis?.url ?? null, sinkPort: sink?.port ?? null }, nodes);
    }
    return {
      wire: recipe.wire,
      senderPort: ports[0] as number,
      receiverPort: ports[recipe.nodes > 1 ? 2 : 0] as number,
      redis,
      busy: [...nodes.slice(0, 2), ...(redis === null ? [] : [redis.process])],
      idle: [...nodes.slice(2), ...(sink === null ? [] : [sink.process])],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What runs beside the servers. */
interface Beside {
  readonly redisUrl: string | null;
  readonly sinkPort: number | null;
}

/** Starts server number `index` on its two ports, public and admin; puts it into `nodes` before it is ready. */
async function startServer(
  { wire, limits = false }: Recipe,
  index: number,
  ports: readonly number[],
  beside: Beside,
  nodes: Started[],
): Promise<void> {
  const [port, adminPort] = [ports[index * 2] as number, ports[index * 2 + 1] as number];
  const name = `node-${String.fromCharCode(0x61 + index)}`;
  if (wire === 'causeway') {
    const node = startNode(name, RELAY, [], relayEnv(port, adminPort, beside, limits));
    nodes.push(node);
    return untilReady(node, () => answers(`http://127.0.0.1:${adminPort}/health/ready`));
  }
  const node =
    wire === 'bare'
      ? startNode(name, BARE, [String(port)])
      : startNode(name, SOCKETIO, [String(port), String(beside.redisUrl)], { NODE_ENV: 'production' });
  nodes.push(node);
  return untilListening(node);
}

function relayEnv(
  port: number,
  adminPort: number,
  { redisUrl, sinkPort }: Beside,
  limits: boolean,
): Record<string, string> {
  return {
    NODE_ENV: 'production',
    CAUSEWAY_HOST: '127.0.0.1',
    CAUSEWAY_PORT: String(port),
    CAUSEWAY_ADMIN_PORT: String(adminPort),
    CAUSEWAY_LOG_LEVEL: 'warn',
    // A tunnel is measured for longer than the bytes last that one may carry.
    CAUSEWAY_TUNNEL_MAX_BYTES: String(2 ** 45),
    ...(redisUrl === null ? {} : { CAUSEWAY_REDIS_URL: redisUrl }),
    ...(limits ? { CAUSEWAY_POLICY_FILE: LIMITS } : {}),
    ...(sinkPort === null ? {} : { ...TRACED, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sinkPort}` }),
  };
}

interface Sink {
  readonly port: number;
  readonly process: Started;
  /** @throws Error when nothing was sent to it: then nothing was traced */
  stop(): Promise<void>;
}

async function startSink(): Promise<Sink> {
  const [port = 0] = await freePorts(1);
  const process = startNode('otlp-sink', OTLP_SINK, [String(port)]);
  await untilListening(process);
  return {
    port,
    process,
    async stop() {
      const requests = Number(await (await fetch(`http://127.0.0.1:${port}`)).text());
      await process.stop();
      if (requests === 0) throw new Error('the relays have sent no spans');
    },
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
