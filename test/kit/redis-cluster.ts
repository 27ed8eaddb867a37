import { freePorts } from './ports.ts';
import { deployment, needAlive, parseInfo, type RedisDeployment } from './redis-deployment.ts';
import { type RedisNode, startRedisNode } from './redis-node.ts';
import { startAll, stopAll } from './start-all.ts';
import { waitFor } from './wait.ts';

const SLOTS = 16_384;
const FORM_TIMEOUT_MS = 20_000;
const NODE_TIMEOUT_MS = 2000;

export interface RedisClusterOptions {
  readonly primaries?: number;
  /** Of each primary. */
  readonly replicas?: number;
  /** `cluster-node-timeout`: a primary that is away for so long is failed over. */
  readonly nodeTimeoutMs?: number;
  readonly args?: readonly string[];
}

interface Member {
  readonly node: RedisNode;
  readonly busPort: number;
}

async function startMembers(
  primaries: number,
  total: number,
  nodeTimeoutMs: number,
  args: readonly string[],
): Promise<Member[]> {
  // The bus port is chosen as well: its default, port + 10000, may be taken by an outgoing connection.
  const ports = await freePorts(2 * total);
  const starts = Array.from({ length: total }, async (_, index) => {
    const [port, busPort] = ports.slice(2 * index) as [number, number];
    const role = index < primaries ? 'primary' : 'replica';
    const node = await startRedisNode({ port, role, args: [...memberArgs(busPort, nodeTimeoutMs), ...args] });
    return { node, busPort, stop: () => node.stop() };
  });
  return startAll(starts);
}

function memberArgs(busPort: number, nodeTimeoutMs: number): string[] {
  return [
    ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-config-file', 'nodes.conf'],
    ...['--cluster-node-timeout', String(nodeTimeoutMs)],
  ];
}

/** Starts one more primary, without slots, and returns when every server of the cluster knows it. */
export async function joinCluster(redis: RedisDeployment, nodeTimeoutMs = NODE_TIMEOUT_MS): Promise<RedisNode> {
  const [port, busPort] = (await freePorts(2)) as [number, number];
  // Whoever gives its last slot away would become a replica of who takes it.
  const args = [...memberArgs(busPort, nodeTimeoutMs), '--cluster-allow-replica-migration', 'no'];
  const node = await startRedisNode({ port, role: 'primary', args });
  const all = [node, ...redis.nodes.filter((other) => other.isAlive())];
  try {
    const known = (await all[1]?.client.call('CLUSTER', 'NODES')) as string;
    const [, host, otherPort, otherBusPort] = /([\d.]+):(\d+)@(\d+) myself/.exec(known) ?? [];
    await node.client.call('CLUSTER', 'MEET', String(host), String(otherPort), String(otherBusPort));
    const knowsIt = async (one: RedisNode) => {
      const view = (await one.client.call('CLUSTER', 'NODES')) as string;
      return view.includes(`:${port}@`) && !view.includes('handshake') && view.split('\n').length > all.length;
    };
    const check = async () =>
      (await Promise.all(all.map(knowsIt))).every(Boolean) &&
      ((await node.client.call('CLUSTER', 'INFO')) as string).includes('cluster_state:ok');
    await waitFor(check, { what: 'the new server is one of the cluster', timeoutMs: FORM_TIMEOUT_MS });
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}

async function assignSlots(primaries: readonly Member[]): Promise<void> {
  const share = SLOTS / primaries.length;
  await Promise.all(
    primaries.map(async ({ node: { client } }, index) => {
      const [first, last] = [Math.floor(index * share), Math.floor((index + 1) * share) - 1];
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
    }),
  );
}

/** Everyone meets everyone, which takes one round of the bus; gossip alone would take several. */
async function introduce(members: readonly Member[]): Promise<void> {
  // Distinct epochs before they meet, or the primaries have collisions to resolve first.
  await Promise.all(members.map(({ node }, index) => node.client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)));
  for (const { node } of members) {
    for (const other of members) {
      if (other.node !== node) await node.client.call('CLUSTER', 'MEET', '127.0.0.1', other.node.port, other.busPort);
    }
  }
  await waitFor(
    () => everyLine(members, (lines) => lines.length === members.length && !lines.join().includes('handshake')),
    {
      what: 'all nodes of the Redis Cluster know each other',
      timeoutMs: FORM_TIMEOUT_MS,
    },
  );
}

/** Whether the test holds for the CLUSTER NODES lines of each member. */
async function everyLine(members: readonly Member[], test: (lines: string[]) => boolean): Promise<boolean> {
  needAlive(members.map(({ node }) => node));
  const views = await Promise.all(members.map(({ node }) => node.client.call('CLUSTER', 'NODES') as Promise<string>));
  return views.every((view) => test(view.trim().split('\n')));
}

async function attachReplicas(primaries: readonly Member[], replicas: readonly Member[]): Promise<void> {
  await Promise.all(
    replicas.map(async ({ node }, index) => {
      const primary = primaries[index % primaries.length] as Member;
      await node.client.call('CLUSTER', 'REPLICATE', (await primary.node.client.call('CLUSTER', 'MYID')) as string);
    }),
  );
}

async function isReady(members: readonly Member[], replicas: readonly Member[]): Promise<boolean> {
  needAlive(members.map(({ node }) => node));
  for (const { node } of members) {
    const state = parseInfo((await node.client.call('CLUSTER', 'INFO')) as string);
    if (state.get('cluster_state') !== 'ok' || state.get('cluster_slots_ok') !== String(SLOTS)) return false;
  }
  for (const { node } of replicas) {
    if (parseInfo(await node.client.info('replication')).get('master_link_status') !== 'up') return false;
  }
  return everyLine(members, (lines) => lines.filter((line) => /\bslave\b/.test(line)).length === replicas.length);
}

/** A real Redis Cluster, returned when every node calls it whole and every replica is in sync. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisDeployment> {
  const {
    primaries: primaryCount = 3,
    replicas: replicasEach = 1,
    nodeTimeoutMs = NODE_TIMEOUT_MS,
    args = [],
  } = options;
  const total = primaryCount * (1 + replicasEach);
  const members = await startMembers(primaryCount, total, nodeTimeoutMs, args);
  const nodes = members.map(({ node }) => node);
  const [primaries, replicas] = [members.slice(0, primaryCount), members.slice(primaryCount)];
  try {
    await assignSlots(primaries);
    await introduce(members);
    await attachReplicas(primaries, replicas);
    await waitFor(() => isReady(members, replicas), { what: 'the Redis Cluster is whole', timeoutMs: FORM_TIMEOUT_MS });
  } catch (error) {
    await stopAll(nodes);
    throw error;
  }
  const addresses = primaries.map(({ node }) => `${node.host}:${node.port}`);
  return deployment(`redis+cluster://${addresses.join(',')}`, nodes);
}
