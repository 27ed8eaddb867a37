import type { PeerKey } from './address.ts';
import type { Timers } from './clock.ts';
import type { Audit, Directory, LocateReply, MailboxLimits, Unavailable } from './ports.ts';
import type { Recipient } from './recipient.ts';
import type { Settings } from './settings.ts';

/** What differs may just be changing: it is looked at so many times, with this much in between. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 300;
/** Registrations and keys that one report looks at, and lookups that are under way at a time. */
const MAX_REGISTRATIONS = 1000;
const MAX_KEYS = 10_000;
const LOOKUPS_AT_ONCE = 50;
const MAX_NAMED = 5;

/** Two numbers that should be the same. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: number;
  readonly actual: number;
  /** What was counted, and what differs. */
  readonly detail: string;
}

export interface ConsistencyReport {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** What this node counts by itself. */
export interface Counts {
  /** Open sockets, as the edge counts them, and connections that the core has. */
  readonly sockets: number;
  readonly connections: number;
  /** Welcomed connections that own their peer, and registrations that have a connection. */
  readonly welcomed: number;
  readonly registered: number;
  /** Bytes that the links account for, and those of the frames that they hold. */
  readonly linkBytes: number;
  readonly frameBytes: number;
}

export interface ConsistencyDeps {
  readonly settings: Settings;
  readonly timers: Timers;
  readonly audit: Audit;
  readonly directory: Directory;
  readonly counts: () => Counts;
  /** The registrations of this node. */
  readonly registrations: () => Iterable<Recipient>;
  readonly registration: (key: PeerKey) => Recipient | undefined;
}

/** Compares what this node counts, what it holds, and what the store keeps of it. */
export class Consistency {
  private readonly deps: ConsistencyDeps;
  private running: Promise<ConsistencyReport> | null = null;

  constructor(deps: ConsistencyDeps) {
    this.deps = deps;
  }

  /** Those who ask at the same time share one report. */
  report(): Promise<ConsistencyReport> {
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async run(): Promise<ConsistencyReport> {
    const checks: Check[] = [];
    const looks = [() => this.counts(), () => this.inbox(), () => this.locations(), () => this.keys()];
    for (const look of looks) checks.push(...(await this.settled(look)));
    return { ok: checks.every(({ ok }) => ok), checks };
  }

  private async settled(look: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
    for (let looks = 1; ; looks += 1) {
      const checks = await look();
      if (looks === LOOKS || checks.every(({ ok }) => ok)) return checks;
      await new Promise<void>((resume) => this.deps.timers.after(LOOK_AGAIN_MS, resume));
    }
  }

  private async counts(): Promise<readonly Check[]> {
    const { sockets, connections, welcomed, registered, linkBytes, frameBytes } = this.deps.counts();
    return [
      compare('connections', connections, sockets, 'connections of the core, and open sockets'),
      compare('registrations', welcomed, registered, 'welcomed connections, and registrations that have one'),
      compare('link_bytes', frameBytes, linkBytes, 'bytes of the frames that wait for other nodes, and their account'),
    ];
  }

  private async inbox(): Promise<readonly Check[]> {
    const name = 'inbox_bytes';
    const reply = await this.deps.audit.inbox(this.deps.settings.node);
    if (reply.kind === 'unavailable') return [unchecked(name, reply)];
    const { contents, account } = reply;
    if (contents === null) return [compare(name, account, account, 'not compared: the inbox holds too many entries')];
    return [compare(name, contents, account, "bytes of the entries in this node's inbox, and their account")];
  }

  /** Each registration of this node is the peer's location in the store, under its epoch. */
  private async locations(): Promise<readonly Check[]> {
    const name = 'locations';
    const all = [...this.deps.registrations()].filter(isOnline);
    const sample = evenly(all, MAX_REGISTRATIONS);
    const wrong: string[] = [];
    for (let first = 0; first < sample.length; first += LOOKUPS_AT_ONCE) {
      const some = sample.slice(first, first + LOOKUPS_AT_ONCE);
      const replies = await Promise.all(some.map(({ key }) => this.locate(key)));
      for (const [index, reply] of replies.entries()) {
        if (reply.kind === 'unavailable') return [unchecked(name, reply)];
        const recipient = some[index] as Recipient;
        // Who has left meanwhile, or registered elsewhere, is no matter.
        if (isOnline(recipient) && !isAt(reply, recipient)) wrong.push(`${recipient.key} is ${placeOf(reply)}`);
      }
    }
    const what = `${sample.length} of ${all.length} registrations looked up`;
    return [compare(name, sample.length, sample.length - wrong.length, withNames(what, wrong))];
  }

  private locate(key: PeerKey): Promise<LocateReply> {
    const { node, mailboxMessages, mailboxBytes, mailboxTtlMs } = this.deps.settings;
    const limits: MailboxLimits = { messages: mailboxMessages, bytes: mailboxBytes, ttlMs: mailboxTtlMs };
    // Without messages nothing is written, so the sequence does not matter.
    return this.deps.directory.locateOrStore(key, { node, sequence: 0 }, [], limits);
  }

  /** No location names this node for a peer that it does not have, and every key ends by itself that should. */
  private async keys(): Promise<readonly Check[]> {
    const reply = await this.deps.audit.keys(this.deps.settings.node, MAX_KEYS);
    if (reply.kind === 'unavailable') return [unchecked('stored_locations', reply), unchecked('lasting_keys', reply)];
    const { looked, located, lasting } = reply;
    const unknown = located.filter(({ key, epoch }) => this.deps.registration(key)?.location.epoch !== epoch);
    const what = `${looked} keys looked at`;
    const named = `${what}: locations that name this node, and those of peers that it has`;
    return [
      compare(
        'stored_locations',
        located.length,
        located.length - unknown.length,
        withNames(
          named,
          unknown.map(({ key }) => key),
        ),
      ),
      compare('lasting_keys', 0, lasting.length, withNames(`${what}: those that should end and don't`, lasting)),
    ];
  }
}

function compare(name: string, expected: number, actual: number, detail: string): Check {
  return { name, ok: expected === actual, expected, actual, detail };
}

function unchecked(name: string, { reason }: Unavailable): Check {
  return { name, ok: false, expected: 0, actual: 0, detail: `not checked: ${reason}` };
}

function isOnline({ state }: Recipient): boolean {
  return state !== 'leaving' && state !== 'ended';
}

function isAt(reply: LocateReply, { location }: Recipient): boolean {
  if (reply.kind !== 'located') return false;
  return reply.location.node === location.node && reply.location.epoch === location.epoch;
}

function placeOf(reply: LocateReply): string {
  return reply.kind === 'located' ? `on ${reply.location.node} at ${reply.location.epoch}` : 'offline';
}

function evenly<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, index) => all[Math.floor((index * all.length) / most)] as T);
}

function withNames(what: string, names: readonly string[]): string {
  if (names.length === 0) return what;
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `${what}: ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}
