import { z } from 'zod';
import type { RebalanceReply } from '../../core/rebalance.ts';
import { type Answer, failure, json, notFound, unavailable } from '../answer.ts';
import type { Operations } from '../operations.ts';
import { NOTHING, type Route, route } from '../route.ts';
import { count, instant, node } from '../schemas.ts';

const load = z.object({
  connections: count,
  registrations: count,
  catchingUp: count.describe('recipients that receive from their mailbox'),
  cachedRoutes: count,
  linkFrames: count.describe('frames that wait for other nodes'),
  linkBytes: count,
  inboxUnsettled: count.describe('entries of the inbox that are read but not settled'),
  watchedPeers: count,
  tunnelEnds: count,
  tunnelBytes: count,
  pendingSends: count.describe('messages without an outcome'),
  lagMs: z.number().nullable().describe('what a probe through its own inbox takes; null when it was lost'),
});

const nodeView = z.object({
  node: z.string(),
  self: z.boolean().describe('the node that answers'),
  region: z.string(),
  url: z.string().describe('for clients; empty when none is configured'),
  state: z.enum(['live', 'draining', 'dead']),
  connections: count,
  leaseUntil: instant,
  since: instant,
  release: z.string().nullable(),
  load: load.nullable().describe('null: it did not answer within a second'),
});

const check = z.object({
  name: z.string(),
  ok: z.boolean(),
  expected: z.number(),
  actual: z.number(),
  detail: z.string(),
});

const rebalanceBody = z.strictObject({ limit: z.int().min(1).optional().describe('clients to send away at most') });
const rebalanced = z.object({ sentAway: count, seconds: z.number(), meanConnections: z.number() });
const told = z.object({ node: z.string(), status: z.enum(['draining', 'rebalancing', 'balanced', 'told']) });
const STATE_ERRORS = { 409: '`draining`, `running` or `nowhere_to_go`: not in the present state of the node' };

export const NODE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/admin/nodes',
    role: 'read',
    summary: 'The nodes of the cluster, with their load',
    answers: { 200: ['all nodes but those that have been reaped', z.object({ nodes: z.array(nodeView) })] },
    async run({ operations }) {
      const nodes = await operations.nodes.list();
      return json(200, {
        nodes: nodes.map(({ release, load, ...rest }) => ({ ...rest, release: release ?? null, load: toLoad(load) })),
      });
    },
  }),
  route({
    method: 'POST',
    path: '/admin/nodes/{node}/drain',
    role: 'operate',
    summary: 'Has a node send all its clients away and end',
    params: z.object({ node }),
    answers: { 202: ['it begins (`draining`), or the node is told (`told`)', told] },
    errors: { 404: 'there is no such node' },
    action: 'node.drain',
    run: ({ operations, params }) =>
      params.node === operations.nodes.self
        ? drainSelf(operations, { node: params.node, status: 'draining' })
        : tell(operations, params.node, { kind: 'drain' }),
  }),
  route({
    method: 'POST',
    path: '/admin/nodes/{node}/rebalance',
    role: 'operate',
    summary: 'Has a node send its surplus of clients to the others',
    params: z.object({ node }),
    body: rebalanceBody,
    answers: { 202: ['it begins, there is nothing to do (`balanced`), or the node is told (`told`)', told] },
    errors: { 404: 'there is no such node', ...STATE_ERRORS },
    action: 'node.rebalance',
    run({ operations, params, body: { limit } }) {
      if (params.node !== operations.nodes.self) {
        return tell(operations, params.node, { kind: 'rebalance', limit: limit ?? null });
      }
      const reply = operations.nodes.rebalance(limit);
      if (reply.kind !== 'started' && reply.kind !== 'balanced') return refusedRebalance(reply);
      if (reply.kind === 'balanced') return json(202, { node: params.node, status: 'balanced' });
      return json(202, { node: params.node, status: 'rebalancing' }, { audit: { node: params.node, limit } });
    },
  }),
  route({
    method: 'POST',
    path: '/admin/drain',
    role: 'operate',
    summary: 'Sends all clients of this node away and ends it',
    answers: {
      202: [
        'it begins behind this answer',
        z.object({ status: z.literal('draining'), connections: count, drainSeconds: z.number() }),
      ],
    },
    action: 'node.drain',
    run: ({ operations }) =>
      drainSelf(operations, {
        status: 'draining',
        connections: operations.nodes.connections(),
        drainSeconds: operations.nodes.drainMs / 1000,
      }),
  }),
  route({
    method: 'POST',
    path: '/admin/rebalance',
    role: 'operate',
    summary: 'Sends the surplus of clients of this node to the others',
    body: rebalanceBody,
    answers: { 200: ['there is no surplus', rebalanced], 202: ['it begins', rebalanced] },
    errors: STATE_ERRORS,
    action: 'node.rebalance',
    run: ({ operations, body: { limit } }) =>
      rebalance(operations.nodes.rebalance(limit), { node: operations.nodes.self, limit }),
  }),
  route({
    method: 'GET',
    path: '/admin/consistency',
    role: 'read',
    summary: 'Compares what this node counts, holds and has in Redis',
    answers: { 200: ['what was found', z.object({ ok: z.boolean(), checks: z.array(check) })] },
    query: NOTHING,
    run: async ({ operations }) => json(200, await operations.nodes.consistency()),
  }),
];

function toLoad(
  load: Awaited<ReturnType<Operations['nodes']['list']>>[number]['load'],
): z.output<typeof nodeView>['load'] {
  if (load === null) return null;
  const { sendsPending, ...rest } = load;
  return { ...rest, pendingSends: sendsPending };
}

/** Begins behind the answer: a node without clients is gone at once. */
function drainSelf({ nodes }: Operations, body: object): Answer {
  return json(202, body, { audit: { node: nodes.self }, afterwards: () => nodes.drain() });
}

async function tell(
  { nodes }: Operations,
  node: Parameters<Operations['nodes']['tell']>[0],
  order: Parameters<Operations['nodes']['tell']>[1],
): Promise<Answer> {
  const reply = await nodes.tell(node, order);
  if (reply.kind === 'unavailable') return unavailable(reply);
  if (reply.kind === 'unknown') return notFound('there is no such node', { node });
  const { kind: _, ...details } = order;
  return json(202, { node, status: 'told' }, { audit: { node, ...details } });
}

function rounded(mean: number): number {
  return Math.round(mean * 10) / 10;
}

function rebalance(reply: ReturnType<Operations['nodes']['rebalance']>, audit: object): Answer {
  switch (reply.kind) {
    case 'started': {
      const body = { sentAway: reply.count, seconds: reply.seconds, meanConnections: rounded(reply.mean) };
      return json(202, body, { audit });
    }
    case 'balanced':
      return json(200, { sentAway: 0, seconds: 0, meanConnections: rounded(reply.mean) });
    default:
      return refusedRebalance(reply);
  }
}

function refusedRebalance(
  reply: Exclude<RebalanceReply, { kind: 'started' | 'balanced' }> | { readonly kind: 'draining' },
): Answer {
  switch (reply.kind) {
    case 'nowhere':
      return failure(
        409,
        'nowhere_to_go',
        'no other node that has room has told where clients reach it: set CAUSEWAY_PUBLIC_URL on each',
        { surplus: reply.surplus, meanConnections: rounded(reply.mean) },
      );
    case 'running':
      return failure(409, 'running', 'clients are being sent away already, or have just been', { left: reply.left });
    case 'draining':
      return failure(409, 'draining', 'the node sends all its clients away already');
  }
}
