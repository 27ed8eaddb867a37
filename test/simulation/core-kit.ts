import type { ClientFrame, MessageId, NodeId, PeerId, RealmName, RelayFrame } from '@causeway/protocol';
import { type PeerKey, peerKey } from '../../services/relay/src/core/address.ts';
import type { Log } from '../../services/relay/src/core/clock.ts';
import type { Connection, ConnectionHandler } from '../../services/relay/src/core/connection.ts';
import { Counters } from '../../services/relay/src/core/counters.ts';
import type { LoggedEntry } from '../../services/relay/src/core/inbox-log.ts';
import type { LinkDeps } from '../../services/relay/src/core/link.ts';
import type { Message } from '../../services/relay/src/core/message.ts';
import { readEnvelope } from '../../services/relay/src/core/node-frame-reader.ts';
import { Policy } from '../../services/relay/src/core/policy.ts';
import type { LinkAppend, LinkAppendReply, Store } from '../../services/relay/src/core/ports.ts';
import { Relay } from '../../services/relay/src/core/relay.ts';
import type { Settings } from '../../services/relay/src/core/settings.ts';
import type { Tracer } from '../../services/relay/src/core/tracer.ts';
import { createEmbeddedCluster, type EmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createEmbeddedStore } from '../../services/relay/src/embedded/store.ts';
import { settings } from './cluster.ts';
import { openAuthenticator } from './open-authenticator.ts';
import { silentLog, World } from './world.ts';

export const REALM = 'r' as RealmName;
export const A = 'a' as NodeId;
export const B = 'b' as NodeId;
export const C = 'c' as NodeId;

export function key(peer: string): PeerKey {
  return peerKey(REALM, peer as PeerId);
}

export function entryOf(source: NodeId, id = '1-0'): LoggedEntry {
  return { id, source, bytes: 10, appendedAt: 0, unsettled: 1 };
}

let lastOrder = 0;
const nextOrder = (): number => ++lastOrder;

/** Each comes after the one before. */
export function message(changes: Partial<Message> = {}): Message {
  return {
    id: 1,
    flags: 0,
    from: 'alice' as PeerId,
    to: key('bob'),
    payload: Buffer.from('hello'),
    origin: A,
    session: 1,
    run: 0,
    pending: null,
    entry: null,
    order: nextOrder(),
    path: 0,
    trace: null,
    ...changes,
  };
}

export const UNAVAILABLE = { kind: 'unavailable', reason: 'scripted' } as const;

/** A method of a port whose answers a test gives, one after another. */
export class Script<Args extends unknown[], Reply> {
  readonly calls: Args[] = [];
  private readonly waiting: ((reply: Reply) => void)[] = [];

  readonly call = (...args: Args): Promise<Reply> => {
    this.calls.push(args);
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  };

  get last(): Args {
    const last = this.calls.at(-1);
    if (last === undefined) throw new Error('there was no call');
    return last;
  }

  /** Calls without an answer. */
  get open(): number {
    return this.waiting.length;
  }

  /** Answers the oldest call, and lets what comes of it happen. */
  async answer(reply: Reply, world: World): Promise<void> {
    const resolve = this.waiting.shift();
    if (resolve === undefined) throw new Error('no call waits for an answer');
    resolve(reply);
    await world.run(0, () => false);
  }
}

/** What links are made of, with appends that a test answers; what they tell is kept as events. */
export function scriptedLinks(changes: Partial<LinkDeps> = {}) {
  const world = new World();
  const appends = new Script<[LinkAppend], LinkAppendReply>();
  const counters = new Counters();
  const events: unknown[] = [];
  /** Nodes that are known to be gone for good. */
  const gone = new Set<NodeId>();
  const idsOf = (messages: readonly Message[]): MessageId[] => messages.map(({ id }) => id);
  const deps: LinkDeps = {
    ...{ self: A, clock: world, timers: world, counters, linkBytes: 1_000_000, inboxBytes: 5000 },
    links: { append: appends.call },
    onFull: (one, certain) => events.push(['full', one.id, certain]),
    onDown: (one) => events.push(['down', one.id]),
    onClosed: (messages) => events.push(['closed', ...idsOf(messages)]),
    onGone: (node, forgotten) => events.push(['gone', node, ...idsOf(forgotten)]),
    isGone: (node) => gone.has(node),
    ...changes,
  };
  return {
    ...{ world, appends, counters, events, gone, deps },
    run: (ms = 0) => world.run(ms, () => false),
    answer: (reply: LinkAppendReply) => appends.answer(reply, world),
    /** Types of the frames of the last append, after its first and last sequence. */
    sent: () => {
      const [{ first, last, envelope }] = appends.last;
      const types: number[] = [];
      for (const head = readEnvelope(envelope); head?.frames.more; ) types.push(head.frames.frame().type);
      return [first, last, ...types];
    },
  };
}

/** A log that keeps its warnings and errors. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (_fields: object, text: string): void => {
    lines.push(text);
  };
  return { ...silentLog, warn: keep, error: keep, lines };
}

/** One connection to a relay: says frames, and keeps what it is told as short lines. */
export class Client implements Connection {
  readonly address = '127.0.0.1';
  readonly handler: ConnectionHandler;
  readonly told: string[] = [];
  readonly frames: RelayFrame[] = [];
  closedWith = 0;
  isCongested = false;
  /** Called with each line that is told, before the core goes on. */
  onTold: (line: string) => void = () => undefined;

  constructor(relay: Relay) {
    this.handler = relay.open(this);
  }

  deliver(seq: number, id: MessageId, flags: number, from: PeerId): void {
    this.tell(`deliver ${seq} ${from} ${id}${flags === 0 ? '' : ` flags ${flags}`}`);
  }

  receipt(id: MessageId, status: number): void {
    this.tell(`receipt ${id} ${status}`);
  }

  tunnelData(tunnel: number, bytes: Uint8Array): void {
    if (this.closedWith !== 0) return;
    this.frames.push({ type: 'tunnel_data', tunnel, bytes: bytes.slice() });
    this.tell(`tunnel_data ${tunnel} ${bytes.length}`);
  }

  send(frame: RelayFrame): void {
    if (this.closedWith !== 0) return;
    this.frames.push(frame);
    this.tell(frame.type === 'error' ? `error ${frame.code}` : frame.type);
  }

  close(code: number): void {
    if (this.closedWith === 0) this.closedWith = code;
  }

  /** Hangs up. */
  hangUp(): void {
    if (this.closedWith === 0) this.closedWith = 1006;
    this.handler.closed();
  }

  say(frame: ClientFrame): boolean {
    return this.handler.receive(frame);
  }

  hello(peer: string, more: Partial<Extract<ClientFrame, { type: 'hello' }>> = {}): void {
    this.say({ type: 'hello', v: 1, realm: REALM, peer: peer as PeerId, ...more });
  }

  sendTo(to: string | null, id: number, flags = 0, bytes = 1): void {
    this.say({ type: 'send', id, flags, to: to as PeerId | null, payload: new Uint8Array(bytes) });
  }

  /** What it was told since the last call. */
  take(): string[] {
    return this.told.splice(0);
  }

  private tell(line: string): void {
    if (this.closedWith !== 0) return;
    this.told.push(line);
    this.onTold(line);
  }
}

/** Says HELLO and does not wait. */
export function come(relay: Relay, peer = 'bob'): Client {
  const client = new Client(relay);
  client.hello(peer);
  return client;
}

export interface TestNode {
  readonly relay: Relay;
  readonly store: Store;
  /** How often it was told that it had been declared dead. */
  readonly fences: number;
  /** It does nothing any more, and nobody is told. */
  kill(): void;
}

/** Relays over one store in memory, in virtual time. */
export class TestCluster {
  readonly world = new World();
  readonly shared: EmbeddedCluster = createEmbeddedCluster(() => this.world.now());
  /** In force on all nodes. */
  policy = new Policy({}, 0, 65_536);
  authenticator = openAuthenticator;
  tracer: Tracer | null = null;

  /** @param change replaces ports by scripted ones */
  async start(
    node: NodeId,
    changes: Partial<Settings> = {},
    change: (store: Store) => Partial<Store> = () => ({}),
    log: Log = silentLog,
    connections: () => number = () => 0,
  ): Promise<TestNode> {
    const own = createEmbeddedStore(this.shared);
    const store = { ...own, ...change(own) };
    let fences = 0;
    let isUp = true;
    const alive = (call: () => void) => (): void => {
      if (isUp) call();
    };
    const relay = new Relay({
      settings: settings(node, changes),
      store,
      clock: this.world,
      timers: {
        after: (ms, call) => this.world.after(ms, alive(call)),
        soon: (call) => this.world.soon(alive(call)),
      },
      log,
      counters: new Counters(),
      authenticator: this.authenticator,
      tracer: this.tracer,
      policy: () => this.policy,
      connections,
      onFenced: () => {
        fences += 1;
      },
    });
    await relay.start();
    return {
      relay,
      store,
      get fences() {
        return fences;
      },
      kill: () => {
        isUp = false;
        void own.inbox.stop();
      },
    };
  }

  async run(ms = 0): Promise<void> {
    await this.world.run(ms, () => false);
  }

  async connect(relay: Relay, peer: string): Promise<Client> {
    const client = new Client(relay);
    client.hello(peer);
    await this.run(5);
    client.take();
    return client;
  }
}

/** The port with some of its methods replaced. */
export function withMethods<P extends object>(port: P, methods: Partial<P>): P {
  return new Proxy(port, {
    get(target, name) {
      const method = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
}
