import { createInterface } from 'node:readline/promises';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { print } from '../output.ts';
import { pairs, table, visible } from '../table.ts';
import { exactBytes, exactRate, roughBytes, roughDuration, time, type Unit } from '../units.ts';
import { type AdminOptions, openAdmin, segment, show } from './client.ts';
import { type PeerName, parsePeer } from './names.ts';

interface Bucket {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Buckets {
  readonly messages: Bucket | null;
  readonly bytes: Bucket | null;
}

interface PeerBody extends PeerName {
  readonly online: boolean;
  readonly location: { readonly node: string; readonly epoch: number } | null;
  readonly reservation: { readonly expiresAt: number } | null;
  readonly window: { readonly messages: number; readonly bytes: number } | null;
  readonly mailbox: { readonly messages: number; readonly bytes: number; readonly oldestAt: number | null };
  readonly limits: { readonly peer: Buckets; readonly realm: Buckets; readonly cluster: Buckets };
}

function pathOf({ realm, peer }: PeerName): string {
  return `/admin/peers/${segment(realm)}/${segment(peer)}`;
}

export async function peer(name: string, options: AdminOptions): Promise<number> {
  const path = pathOf(parsePeer(name));
  const admin = await openAdmin(options);
  return show(options, await admin.get<PeerBody>(path), (body) => peerText(body));
}

export function peerText(body: PeerBody, now = Date.now()): string {
  const { location, reservation, window, mailbox } = body;
  const oldest = mailbox.oldestAt === null ? '' : `, the oldest of ${time(mailbox.oldestAt, now)}`;
  const waiting = (one: { messages: number; bytes: number }): string =>
    `${one.messages} messages, ${roughBytes(one.bytes)}`;
  const facts = pairs([
    ['peer', body.peer],
    ['realm', body.realm],
    ['state', body.online ? 'online' : 'offline'],
    ['node', location === null ? '-' : `${location.node} (epoch ${location.epoch})`],
    ['reserved until', reservation === null ? '-' : time(reservation.expiresAt, now)],
    ['not acknowledged', window === null ? '-' : waiting(window)],
    ['mailbox', `${waiting(mailbox)}${oldest}`],
  ]);
  return `${facts}\n\n${bucketsTable(body.limits)}`;
}

type Level = 'peer' | 'realm' | 'cluster';

/** The limits of each level that hold. */
export function bucketsTable(levels: Readonly<Record<Level, Buckets | null>>): string {
  const rate = (bucket: Bucket | null, unit: Unit): string =>
    bucket === null ? 'no limit' : exactRate(bucket.perSecond, unit);
  const burst = (bucket: Bucket | null, format: (size: number) => string): string =>
    bucket === null ? '-' : format(bucket.burst);
  return table<Level>(
    [
      { head: 'LIMITS OF', cell: (level) => level },
      { head: 'MESSAGES', cell: (level) => rate(levels[level]?.messages ?? null, 'messages'), align: 'right' },
      { head: 'BURST', cell: (level) => burst(levels[level]?.messages ?? null, String), align: 'right' },
      { head: 'BYTES', cell: (level) => rate(levels[level]?.bytes ?? null, 'bytes'), align: 'right' },
      { head: 'BURST', cell: (level) => burst(levels[level]?.bytes ?? null, exactBytes), align: 'right' },
    ],
    ['peer', 'realm', 'cluster'],
  );
}

export async function disconnect(name: string, options: AdminOptions & { readonly reason?: string }): Promise<number> {
  const path = pathOf(parsePeer(name));
  const { reason } = options;
  const admin = await openAdmin(options);
  const answer = await admin.post(`${path}/disconnect`, reason === undefined ? {} : { reason });
  return show(options, answer, () => `${visible(name)} is disconnected; it may come back, unless it is banned`);
}

export async function purge(name: string, options: AdminOptions): Promise<number> {
  const path = pathOf(parsePeer(name));
  const admin = await openAdmin(options);
  const answer = await admin.delete<{ messages: number; bytes: number }>(`${path}/mailbox`);
  return show(
    options,
    answer,
    ({ messages, bytes }) => `${messages} messages of ${roughBytes(bytes)} were thrown away`,
  );
}

export async function erase(name: string, options: AdminOptions & { readonly yes?: boolean }): Promise<number> {
  const path = pathOf(parsePeer(name));
  const admin = await openAdmin(options);
  if (!options.yes) {
    const question = `Erase ${visible(name)}: its connection, its reservation and all messages that wait for it?`;
    if (!(await confirm(question))) {
      process.stderr.write('causeway: nothing was erased\n');
      return ExitCode.refused;
    }
  }
  return show(options, await admin.delete(path), () => `${visible(name)} is erased`);
}

/** @throws Failure when there is nobody to ask */
async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Failure(ExitCode.usage, 'stdin is no terminal on which to confirm: say --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // The end of the input, or Ctrl-C, is no consent.
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('\n')));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), ended]);
    if (answer === '\n') process.stderr.write(answer);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

interface AllowBody {
  readonly allowed: boolean;
  readonly scope?: string;
  readonly retryAfterMs?: number;
}

export async function allow(
  name: string,
  options: AdminOptions & { readonly messages: number; readonly bytes: number },
): Promise<number> {
  const { messages, bytes } = options;
  const body = { ...parsePeer(name), messages, bytes };
  const admin = await openAdmin(options);
  const answer = await admin.post<AllowBody>('/admin/allow', body);
  const { allowed, scope, retryAfterMs = 0 } = answer.body;
  const refusal = `not allowed: the limit of the ${scope} is reached, again in ${waitText(retryAfterMs)}`;
  await print(options.json ? answer.text.trimEnd() : allowed ? 'allowed' : refusal);
  return allowed ? ExitCode.ok : ExitCode.refused;
}

function waitText(milliseconds: number): string {
  return milliseconds < 10_000 ? `${Math.ceil(milliseconds)} ms` : roughDuration(milliseconds);
}
