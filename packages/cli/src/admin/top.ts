import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { print } from '../output.ts';
import { type Column, table } from '../table.ts';
import { absolute, roughBytes, roughDuration, roughNumber } from '../units.ts';
import { type AdminClient, type AdminOptions, type Answer, openAdmin } from './client.ts';

export interface TopOptions extends AdminOptions {
  /** Milliseconds. */
  readonly interval: number;
  readonly count: number;
  readonly once?: boolean;
}

interface Rates {
  readonly realm: string;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface TopBody {
  readonly realms: readonly (Rates & { readonly connections: number })[];
  readonly peers: readonly (Rates & { readonly peer: string })[];
  /** How many have told their part. */
  readonly nodes: number;
}

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** Lines of a screen that are not rows: title, two heads and two blank lines. */
const OTHER_LINES = 6;
/** Columns of a screen that a name may take, and what the others take. */
const MAX_NAME = 48;
const OTHER_COLUMNS = 42;

export async function top(options: TopOptions): Promise<number> {
  const admin = await openAdmin(options);
  const ask = (): Promise<Answer<TopBody>> => admin.get<TopBody>('/admin/top', { count: String(options.count) });
  const first = await ask();
  const isLive = process.stdout.isTTY && !options.json && !options.once;
  if (isLive) return live(admin, ask, first, options);
  return rows(ask, first, options);
}

/** One sample after another, for a pipe or a file. */
async function rows(
  ask: () => Promise<Answer<TopBody>>,
  first: Answer<TopBody>,
  { once, json, interval }: TopOptions,
): Promise<number> {
  const isTable = once && process.stdout.isTTY;
  if (!json && !isTable) await print(HEAD.join('\t'));
  for (let answer: Answer<TopBody> | null = first; ; answer = await tolerant(ask)) {
    const now = Date.now();
    if (answer !== null) {
      const lines = isTable
        ? [screen(answer.body, process.stdout.rows, process.stdout.columns)]
        : plainRows(answer.body, now);
      if (json) await print(answer.text.trimEnd());
      else if (lines.length > 0) await print(lines.join('\n'));
    }
    if (once) return ExitCode.ok;
    await pause(interval);
  }
}

/** Goes on without a relay that is away for a while, and says so. */
async function tolerant<Result>(ask: () => Promise<Result>): Promise<Result | null> {
  try {
    return await ask();
  } catch (error) {
    if (!isPassing(error)) throw error;
    process.stderr.write(`causeway: ${error.message}\n`);
    return null;
  }
}

function isPassing(error: unknown): error is Failure {
  return error instanceof Failure && (error.exitCode === ExitCode.temporary || error.exitCode === ExitCode.unreachable);
}

const HEAD = ['time', 'kind', 'name', 'messages/s', 'bytes/s', 'connections'];

/** Fields with tabs between them, numbers as they came. */
export function plainRows({ realms, peers }: TopBody, now: number): string[] {
  return [
    ...byRate(realms).map((one) => ['realm', one.realm, one.messagesPerSecond, one.bytesPerSecond, one.connections]),
    ...byRate(peers).map((one) => ['peer', `${one.realm}/${one.peer}`, one.messagesPerSecond, one.bytesPerSecond, '']),
  ].map((fields) => [absolute(now), ...fields].join('\t'));
}

function byRate<One extends Rates>(all: readonly One[]): One[] {
  return [...all].sort((a, b) => b.messagesPerSecond - a.messagesPerSecond || b.bytesPerSecond - a.bytesPerSecond);
}

/** As many of each as fit into so many lines, names as far as they fit into so many columns. */
export function screen({ realms, peers }: TopBody, lines: number, columns: number): string {
  const room = Math.max(2, lines - OTHER_LINES);
  const shownRealms = byRate(realms).slice(0, Math.max(Math.floor(room / 2), room - peers.length));
  const shownPeers = byRate(peers).slice(0, Math.max(1, room - Math.max(1, shownRealms.length)));
  const width = Math.max(8, Math.min(MAX_NAME, columns - OTHER_COLUMNS));
  const rates: Column<Rates>[] = [
    { head: 'MESSAGES/S', cell: ({ messagesPerSecond }) => roughNumber(messagesPerSecond), align: 'right' },
    { head: 'BYTES/S', cell: ({ bytesPerSecond }) => roughBytes(bytesPerSecond), align: 'right' },
  ];
  const realmTable = table(
    [
      { head: 'REALM', cell: ({ realm }) => realm, width },
      ...rates,
      { head: 'CONNECTIONS', cell: ({ connections }) => connections, align: 'right' },
    ] satisfies Column<TopBody['realms'][number]>[],
    shownRealms,
    'no realm has traffic',
  );
  const peerTable = table(
    [{ head: 'PEER', cell: ({ realm, peer }) => `${realm}/${peer}`, width }, ...rates] satisfies Column<
      TopBody['peers'][number]
    >[],
    shownPeers,
    'no peer sends',
  );
  return `${realmTable}\n\n${peerTable}`;
}

/** Draws in place until Ctrl-C. */
async function live(
  admin: AdminClient,
  ask: () => Promise<Answer<TopBody>>,
  first: Answer<TopBody>,
  { interval }: TopOptions,
): Promise<number> {
  const ended = new AbortController();
  let exitCode = 128;
  const end = (signal: NodeJS.Signals): void => {
    exitCode += constants.signals[signal];
    ended.abort();
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  process.stdout.write(ENTER);
  try {
    let body = first.body;
    let trouble = '';
    while (!ended.signal.aborted) {
      const { rows: height = 24, columns = 80 } = process.stdout;
      const nodes = `${body.nodes} ${body.nodes === 1 ? 'node' : 'nodes'}`;
      const title = `causeway at ${admin.host}: ${nodes}, ${absolute(Date.now())}, every ${roughDuration(interval)}, Ctrl-C ends`;
      draw([trouble || title, '', ...screen(body, height, columns).split('\n')], columns);
      await pause(interval, undefined, { signal: ended.signal }).catch(() => undefined);
      if (ended.signal.aborted) break;
      try {
        body = (await ask()).body;
        trouble = '';
      } catch (error) {
        if (!isPassing(error)) throw error;
        trouble = `${absolute(Date.now())} ${error.message.split('\n')[0]}: these are the last known rates`;
      }
    }
  } finally {
    process.stdout.write(LEAVE);
    process.off('SIGINT', end).off('SIGTERM', end);
  }
  return exitCode;
}

function draw(lines: readonly string[], columns: number): void {
  const drawn = lines.map((line) => `${line.slice(0, columns)}${CLEAR_LINE}`).join('\n');
  process.stdout.write(`${HOME}${drawn}${CLEAR_BELOW}`);
}
