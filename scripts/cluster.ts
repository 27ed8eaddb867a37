/**
 * `npm run cluster`: three relays over a Redis Cluster of three primaries and three replicas, all on this machine, until
 * Ctrl-C. Nothing is left behind.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { killChildren } from '../test/kit/child.ts';
import { isPortFree } from '../test/kit/ports.ts';
import { type RedisDeployment, startRedisCluster } from '../test/kit/redis.ts';
import { type Relay, startRelay } from '../test/kit/relay.ts';
import { stopAll } from '../test/kit/start-all.ts';

const RELAYS = 3;
const DEFAULT_PORT_BASE = 7070;
/** From the first public port to the shared one. */
const SHARED_PORT_OFFSET = 10;
/** A trial's peers need no slow goodbye. */
const DRAIN_SECONDS = '3';
/** Good for this cluster, as long as it runs. */
const ADMIN_TOKEN = randomBytes(8).toString('hex');

const HELP = `npm run cluster -- [--port-base <port>] [--shared-port <port>]

  --port-base    public port of the first relay, its admin port being the next; the other relays follow
                 (default ${DEFAULT_PORT_BASE}, or PORT_BASE of the environment)
  --shared-port  public port that all relays share (default: port base + ${SHARED_PORT_OFFSET}, or SHARED_PORT)

Ports in use are passed over.`;

interface Ports {
  readonly shared: number;
  readonly relays: readonly { readonly public: number; readonly admin: number }[];
}

function portNumber(text: string, name: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  console.error(`${name} must be a port (1..65535), not ${JSON.stringify(text)}.`);
  process.exit(64);
}

function options(): { base: number; shared: number } {
  try {
    const { values } = parseArgs({
      options: { 'port-base': { type: 'string' }, 'shared-port': { type: 'string' }, help: { type: 'boolean' } },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const base = portNumber(values['port-base'] ?? process.env.PORT_BASE ?? String(DEFAULT_PORT_BASE), '--port-base');
    const shared = values['shared-port'] ?? process.env.SHARED_PORT ?? String(base + SHARED_PORT_OFFSET);
    return { base, shared: portNumber(shared, '--shared-port') };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(64);
  }
}

async function choosePorts(base: number, wantedShared: number): Promise<Ports> {
  let shared = wantedShared;
  while (!(await isPortFree(shared))) shared++;
  const relays: { public: number; admin: number }[] = [];
  for (let port = base; relays.length < RELAYS; port += 2) {
    const apart = port !== shared && port + 1 !== shared;
    if (apart && (await isPortFree(port)) && (await isPortFree(port + 1)))
      relays.push({ public: port, admin: port + 1 });
  }
  return { shared, relays };
}

function startOne(redis: RedisDeployment, ports: Ports, index: number): Promise<Relay> {
  const own = ports.relays[index] as Ports['relays'][number];
  return startRelay({
    redis,
    env: {
      CAUSEWAY_PORT: String(own.public),
      CAUSEWAY_ADMIN_PORT: String(own.admin),
      CAUSEWAY_SHARED_PORT: String(ports.shared),
      CAUSEWAY_PUBLIC_URL: `ws://127.0.0.1:${own.public}`,
      CAUSEWAY_ADMIN_TOKENS: `admin:${ADMIN_TOKEN}`,
      CAUSEWAY_DRAIN_SECONDS: DRAIN_SECONDS,
    },
  });
}

function howToTry(redis: RedisDeployment, relays: readonly Relay[], shared: number): string {
  const [first, second] = relays as [Relay, Relay];
  const rows = relays.map(
    (relay, index) => `  relay ${index + 1}    ${relay.url}    admin ${relay.adminUrl}    pid ${relay.pid}`,
  );
  return `
${rows.join('\n')}
  shared     ws://127.0.0.1:${shared}    (any of the three)
  redis      ${redis.url}

Try it, in two other terminals:

  npx causeway listen --as bob --url ${first.url}
  npx causeway send --as alice bob "hello from the other relay" --url ${second.url}

and what operators do, on any of the relays for all of them:

  export CAUSEWAY_ADMIN_URL=${first.adminUrl} CAUSEWAY_ADMIN_TOKEN=${ADMIN_TOKEN}
  npx causeway admin nodes
  npx causeway admin limits set defaults peer.messages=2/s
  npx causeway admin ban add peer:default/alice --for 1m --reason "only to see it"
  npx causeway admin top

Ctrl-C ends everything.`;
}

/** What has been started, in order, so that it is ended in the opposite order whatever happens on the way. */
const started: { stop(): Promise<unknown> }[] = [];
let stopping = false;
const asked = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second time, or while a start is under way: nothing is worth waiting for.
      if (stopping || started.length < 1 + RELAYS) killChildren();
      stopping = true;
      resolve();
    });
  }
});

async function start(): Promise<void> {
  const { base, shared } = options();
  const ports = await choosePorts(base, shared);
  console.log('Starting a Redis Cluster of 3 primaries and 3 replicas...');
  const redis = await startRedisCluster();
  started.push(redis);
  const relays: Relay[] = [];
  for (let index = 0; index < RELAYS && !stopping; index++) {
    console.log(`Starting relay ${index + 1} of ${RELAYS}...`);
    const relay = await startOne(redis, ports, index);
    started.push(relay);
    relays.push(relay);
    void relay.exited.then((code) => {
      if (!stopping) console.error(`Relay ${index + 1} (${relay.url}) ended unexpectedly with ${code}.`);
    });
  }
  if (!stopping) console.log(howToTry(redis, relays, ports.shared));
}

// A pending promise does not keep a process alive, should every child have ended.
const keepAlive = setInterval(() => undefined, 60_000);
let exitCode = 0;
try {
  await start();
  await asked;
} catch (error) {
  if (!stopping) {
    console.error(error instanceof Error ? error.message : error);
    exitCode = 1;
  }
} finally {
  stopping = true;
  console.log('Stopping...');
  const [redis, ...relays] = started;
  await stopAll(relays);
  await redis?.stop();
}
clearInterval(keepAlive);
console.log('Stopped.');
process.exit(exitCode);
