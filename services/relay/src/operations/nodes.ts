import type { NodeId } from '@causeway/protocol';
import type { NodeOperations, NodeView } from '../admin/operations.ts';
import type { Clock } from '../core/clock.ts';
import type { NodeLoad, Question, QuestionReply } from '../core/inspection-ports.ts';
import type { NodeRecord } from '../core/ports.ts';
import type { Notices } from '../core/shared-ports.ts';
import type { RelayControls } from './controls.ts';
import type { Inquiries } from './inquiries.ts';

/** A probe that takes longer counts as lost; it leaves the answer time to get there. */
const PROBE_MS = 500;

export interface NodesDeps {
  readonly relay: () => RelayControls;
  readonly notices: Notices;
  readonly inquiries: Inquiries;
  readonly drainMs: number;
}

export function nodeOperations({ relay, notices, inquiries, drainMs }: NodesDeps): NodeOperations {
  const load = async (node: NodeId): Promise<NodeLoad | null> => {
    const reply = await inquiries.ask(node, { about: 'load' });
    return reply?.about === 'load' ? reply.load : null;
  };
  const view = async (record: NodeRecord): Promise<NodeView> => {
    const { steadySince: _since, v: _version, connections, ...rest } = record;
    const answers = rest.state === 'live' || rest.state === 'draining';
    const told = answers ? await load(rest.node) : null;
    const self = rest.node === relay().node;
    return { ...rest, connections: told?.connections ?? connections, self, load: told };
  };
  return {
    get self() {
      return relay().node;
    },
    drainMs,
    connections: () => relay().connections,
    drain: () => relay().drain(),
    rebalance: (limit) => relay().rebalance(limit),
    consistency: () => relay().checkConsistency(),
    list: () => Promise.all(present(relay()).map(view)),
    async tell(node, order) {
      const known = present(relay()).some((record) => record.node === node && record.state !== 'dead');
      return known ? notices.publish({ ...order, node }) : { kind: 'unknown' };
    },
  };
}

function present(relay: RelayControls): NodeRecord[] {
  return relay.nodes().filter(({ state }) => state !== 'reaped');
}

/** What this node says of itself. */
export async function answerQuestion(relay: RelayControls, question: Question, clock: Clock): Promise<QuestionReply> {
  if (question.about === 'window') return { about: 'window', window: relay.window(question.key) };
  const asked = clock.now();
  const cameBack = await relay.echo(PROBE_MS);
  return { about: 'load', load: { ...relay.gauges(), lagMs: cameBack ? clock.now() - asked : null } };
}
