import { ExitCode } from '../exit-codes.ts';
import { table } from '../table.ts';
import { relative, roughBytes, time } from '../units.ts';
import { type AdminOptions, openAdmin, segment, show } from './client.ts';

interface Load {
  readonly registrations?: number;
  readonly inboxUnsettled?: number;
  readonly linkBytes?: number;
  readonly pendingSends?: number;
}

interface NodeBody {
  readonly node: string;
  readonly self: boolean;
  readonly region: string;
  readonly url: string;
  readonly state: string;
  readonly connections: number;
  readonly leaseUntil: number;
  readonly since: number;
  readonly release: string | null;
  /** Null when the node did not answer in time. */
  readonly load: Load | null;
}

export async function nodes(options: AdminOptions): Promise<number> {
  const admin = await openAdmin(options);
  const answer = await admin.get<{ nodes: readonly NodeBody[] }>('/admin/nodes');
  return show(options, answer, ({ nodes: all }) => nodesTable(all));
}

export function nodesTable(all: readonly NodeBody[], now = Date.now()): string {
  const load =
    (field: keyof Load, format: (value: number) => string = String) =>
    ({ load }: NodeBody): string => {
      const value = load?.[field];
      return value === undefined ? '?' : format(value);
    };
  const rows = table<NodeBody>(
    [
      { head: 'NODE', cell: ({ node, self }) => (self ? `${node} *` : node) },
      { head: 'STATE', cell: ({ state }) => state },
      { head: 'REGION', cell: ({ region }) => region || '-' },
      { head: 'CONNECTIONS', cell: ({ connections }) => connections, align: 'right' },
      { head: 'PEERS', cell: load('registrations'), align: 'right' },
      { head: 'SENDING', cell: load('pendingSends'), align: 'right' },
      { head: 'INBOX', cell: load('inboxUnsettled'), align: 'right' },
      { head: 'LINKS', cell: load('linkBytes', roughBytes), align: 'right' },
      { head: 'LEASE ENDS', cell: ({ leaseUntil }) => relative(leaseUntil, now) },
      { head: 'SINCE', cell: ({ since }) => time(since, now) },
      { head: 'RELEASE', cell: ({ release }) => release || '-' },
      { head: 'URL', cell: ({ url }) => url || '-' },
    ],
    all,
  );
  return `${rows}\n${LEGEND}`;
}

const LEGEND =
  '* has answered. SENDING: messages without a receipt. INBOX: entries not settled. LINKS: what waits for other nodes.';

export async function drain(node: string | undefined, options: AdminOptions): Promise<number> {
  const admin = await openAdmin(options);
  const answer = await admin.post<{ connections?: number; drainSeconds?: number }>(
    node === undefined ? '/admin/drain' : `/admin/nodes/${segment(node)}/drain`,
  );
  return show(options, answer, ({ connections, drainSeconds }) => {
    const who = node ?? 'the node that was asked';
    const clients = connections === undefined ? '' : `: ${connections} connections are sent away`;
    const until = drainSeconds === undefined ? '' : `, within ${drainSeconds} s`;
    return `${who} drains${clients}${until}, and then ends`;
  });
}

export async function rebalance(
  node: string | undefined,
  options: AdminOptions & { readonly limit?: number },
): Promise<number> {
  const admin = await openAdmin(options);
  const answer = await admin.post<{ status?: string; sentAway?: number; seconds?: number; meanConnections?: number }>(
    node === undefined ? '/admin/rebalance' : `/admin/nodes/${segment(node)}/rebalance`,
    options.limit === undefined ? {} : { limit: options.limit },
  );
  return show(options, answer, ({ status, sentAway, seconds, meanConnections }) => {
    if (status === 'balanced') return `${node} has no surplus`;
    if (sentAway === undefined) return `${node} is told to send its surplus of clients to other nodes`;
    const mean = `the mean of all nodes is ${meanConnections} connections`;
    return sentAway === 0 ? `there is no surplus: ${mean}` : `${sentAway} clients go within ${seconds} s: ${mean}`;
  });
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: number;
  readonly actual: number;
  readonly detail: string;
}

export async function consistency(options: AdminOptions): Promise<number> {
  const admin = await openAdmin(options);
  const answer = await admin.get<{ ok: boolean; checks: readonly Check[] }>('/admin/consistency');
  await show(options, answer, ({ checks }) =>
    table<Check>(
      [
        { head: 'CHECK', cell: ({ name }) => name },
        { head: 'OK', cell: ({ ok }) => (ok ? 'yes' : 'NO') },
        { head: 'EXPECTED', cell: ({ expected }) => expected, align: 'right' },
        { head: 'ACTUAL', cell: ({ actual }) => actual, align: 'right' },
        { head: 'DETAIL', cell: ({ detail }) => detail },
      ],
      checks,
    ),
  );
  return answer.body.ok ? ExitCode.ok : ExitCode.refused;
}
