import {
  type ClientFrame,
  CloseCode,
  ErrorCode,
  type ErrorCodeName,
  type HelloFrame,
  MAX_WATCHED,
  type MessageId,
  type PingFrame,
  PROTOCOL_VERSION,
  type RealmName,
  type SendFrame,
  type WatchFrame,
} from '@causeway/protocol';
import { type PeerKey, peerKey } from './address.ts';
import { Allowance } from './allowance.ts';
import type { Authenticator, Member, Refused } from './authenticator.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import { ConnectionTrace } from './connection-trace.ts';
import type { Counters } from './counters.ts';
import type { DropReason } from './drops.ts';
import type { Limiter } from './limiter.ts';
import type { SendAllowance } from './limits.ts';
import { type Load, MAX_REGISTERING } from './load.ts';
import { type Opened, Opening } from './opening.ts';
import type { Pending } from './pending.ts';
import type { PresenceBoard } from './presence-board.ts';
import type { Quotas } from './quotas.ts';
import type { Recipient } from './recipient.ts';
import type { Registry } from './registry.ts';
import { Sender, type SenderDeps } from './sender.ts';
import type { Settings } from './settings.ts';
import { type Tracer, traceFields } from './tracer.ts';
import type { Callee, IncomingCall } from './tunnels/call.ts';
import type { ClientTunnels } from './tunnels/client-tunnels.ts';
import type { Tunnels } from './tunnels/tunnels.ts';
import type { UsageAccount, UsageMeter } from './usage.ts';
import { Watching } from './watching.ts';
import { welcomeFrame } from './welcome.ts';

/** Hint in an ERROR that a short wait can cure. */
const RETRY_AFTER_MS = 1000;
/**
 * Control frames of one connection; each peer that one names counts as another, since it may cost the store a command.
 * To watch all that may be watched, twice, is no flood.
 */
const CONTROL_BURST = 1000;
const CONTROLS_PER_SECOND = 100;

export interface SessionDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  readonly load: Load;
  readonly authenticator: Authenticator;
  readonly registry: Registry;
  readonly quotas: Quotas;
  readonly limiter: Limiter;
  readonly usage: UsageMeter;
  readonly presence: PresenceBoard;
  readonly tunnels: Tunnels;
  readonly sender: SenderDeps;
  /** The client is registered: calls for it come to the session until `left`. */
  readonly entered: (key: PeerKey, session: Session) => void;
  readonly left: (key: PeerKey, session: Session) => void;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
  /** Nothing refers to the session any more. */
  readonly onFinished: (session: Session) => void;
}

type TunnelRequest = Extract<
  ClientFrame,
  { type: 'room_create' | 'room_join' | 'tunnel_connect' | 'tunnel_accept' | 'tunnel_close' }
>;

type State = 'opening' | 'registering' | 'open' | 'closed';

/** One connection's way through the protocol: HELLO, WELCOME, then messages, presence and tunnels. */
export class Session implements ConnectionHandler, Callee {
  readonly number: number;
  private readonly connection: Connection;
  private readonly deps: SessionDeps;
  private state: State = 'opening';
  private cancelHelloTimer: (() => void) | null;
  /** Set once the client was told to go elsewhere. */
  private cancelDeparture: (() => void) | null = null;
  private hasSocket = true;
  private readonly opening: Opening;
  private realm: RealmName = '' as RealmName;
  private member: Member | null = null;
  private allowance: SendAllowance | null = null;
  private account: UsageAccount | null = null;
  private recipient: Recipient | null = null;
  private sender: Sender | null = null;
  private watching: Watching | null = null;
  /** Null for most: whoever only sends messages has none. */
  private tunnels: ClientTunnels | null = null;
  private trace: ConnectionTrace | null = null;
  private readonly controls: Allowance;

  constructor(number: number, connection: Connection, deps: SessionDeps) {
    this.number = number;
    this.connection = connection;
    this.deps = deps;
    this.controls = new Allowance(CONTROL_BURST, CONTROLS_PER_SECOND, deps.clock);
    this.cancelHelloTimer = deps.timers.after(deps.settings.helloTimeoutMs, () =>
      this.fail('timeout', 'no HELLO came in time'),
    );
    this.opening = new Opening(number, connection, deps, {
      silent: () => this.fail('timeout', 'no PROOF came in time'),
      opened: (opened) => this.welcome(opened),
    });
    void this.opening.admission.then((refused) => {
      if (refused !== null && this.state === 'opening') this.refuse(refused);
    });
  }

  get pendingCount(): number {
    return this.sender?.pendingCount ?? 0;
  }

  /** The socket is there, be it that it is closing. */
  get isConnected(): boolean {
    return this.hasSocket;
  }

  /** The client was welcomed, and has not been told to go elsewhere. */
  get isStaying(): boolean {
    return this.state === 'open' && this.cancelDeparture === null;
  }

  /** The client was welcomed, and its registration goes on. */
  get isRegistered(): boolean {
    const mode = this.recipient?.state ?? 'ended';
    return this.state === 'open' && mode !== 'leaving' && mode !== 'ended';
  }

  receive(frame: ClientFrame): boolean {
    switch (this.state) {
      case 'open':
        this.handle(frame);
        break;
      case 'opening':
        if (frame.type === 'hello') this.hello(frame);
        else this.beforeWelcome(frame);
        break;
      case 'registering':
        this.beforeWelcome(frame);
        break;
      case 'closed':
        break;
    }
    return this.isOpen;
  }

  malformed(reason: string): void {
    this.fail('malformed', reason);
  }

  silent(): void {
    this.fail('timeout', 'nothing came for two heartbeats');
  }

  writable(): void {
    this.tunnels?.writable();
  }

  /** Another peer asks for a tunnel. */
  called(incoming: IncomingCall): () => void {
    return this.ownTunnels().called(incoming);
  }

  closed(): void {
    this.hasSocket = false;
    if (this.state !== 'closed') this.leave();
    if (this.pendingCount === 0) this.deps.onFinished(this);
  }

  /** The account of a message without an outcome. */
  pendingOf(id: MessageId): Pending | undefined {
    return this.sender?.pendingOf(id);
  }

  /** The outcome of a message that this connection sent. */
  receipt(id: MessageId, status: number): void {
    this.sender?.receipt(id, status);
    if (this.state === 'closed' && this.pendingCount === 0) this.deps.onFinished(this);
  }

  /** Closes a connection that was owed an outcome for too long; to be called every second. */
  sweep(now: number): void {
    this.endWithToken(now);
    this.tunnels?.sweep(now);
    const oldest = this.sender?.oldestPending ?? null;
    if (oldest === null || oldest + this.deps.settings.outcomeTimeoutMs > now) return;
    if (this.state === 'closed') {
      this.sender?.abandon();
      this.deps.onFinished(this);
    } else this.fail('internal', 'no outcome for a message in time; send it again with its id');
  }

  /** Sends a client away that is banned now, or whose token has ended or was revoked. */
  recheck(now: number): void {
    if (this.state !== 'open' || this.member === null) return;
    this.sendAway(this.deps.authenticator.recheck(this.realm, this.member, this.connection.address, now));
  }

  private endWithToken(now: number): void {
    if (this.state === 'open' && this.member !== null) {
      this.sendAway(this.deps.authenticator.hasEnded(this.member, now));
    }
  }

  private sendAway(refused: Refused | null): void {
    if (refused === null) return;
    this.deps.counters.expelled += 1;
    this.fail(refused.code, refused.message, refused.retryAfterMs);
  }

  /** Closes the connection of the peer for good, as an operator asked. False: it is another peer's. */
  expel(key: PeerKey, reason: string): boolean {
    if (this.state !== 'open' || this.recipient?.key !== key) return false;
    this.deps.counters.expelled += 1;
    this.fail('forbidden', reason);
    return true;
  }

  /** Messages that went these ways are in nobody's hands: who waits for the outcome of one can't be told. */
  waysLost(paths: ReadonlySet<number>): void {
    if (!this.sender?.isOn(paths)) return;
    if (this.state !== 'closed') this.fail('internal', 'a message has no outcome; send it again with its id');
    this.sender.abandon();
    this.deps.onFinished(this);
  }

  /** Closes the connection of a node that the others have declared dead; its client connects again. */
  fence(): void {
    if (this.state !== 'closed') this.fail('internal', 'the relay was cut off from the others; connect again');
  }

  /**
   * Tells the client to go elsewhere after a time, for which the connection serves on; then it is closed, if the client
   * is still there. One that is not welcomed yet is closed at once. A second call does nothing.
   */
  goAway(reason: string, reconnectAfterMs: number, urls: readonly string[]): void {
    if (this.state === 'closed' || this.cancelDeparture !== null) return;
    this.connection.send({ type: 'goaway', reason, reconnectAfterMs, urls: [...urls] });
    const depart = (): void => {
      this.connection.close(CloseCode.draining, reason);
      this.leave();
    };
    if (this.state !== 'open' || reconnectAfterMs === 0) return depart();
    this.cancelDeparture = this.deps.timers.after(reconnectAfterMs, depart);
  }

  private handle(frame: ClientFrame): void {
    switch (frame.type) {
      case 'send':
        return this.take(this.sender as Sender, frame);
      case 'ack':
        if (!(this.recipient as Recipient).acknowledge(frame.seq)) {
          this.malformed(`ACK ${frame.seq} is beyond the last DELIVER`);
        }
        return;
      case 'ping':
        return this.ping(frame);
      case 'pong':
        this.mayControl(1);
        return;
      case 'watch':
        if (this.mayControl(1 + frame.peers.length)) this.watch(frame);
        return;
      case 'unwatch':
        if (this.mayControl(1 + frame.peers.length)) for (const peer of frame.peers) this.watching?.remove(peer);
        return;
      case 'tunnel_data':
        return this.unless(this.tunnels?.data(frame.tunnel, frame.bytes), frame);
      case 'tunnel_credit':
        return this.unless(this.tunnels?.credit(frame.tunnel, frame.bytes), frame);
      case 'tunnel_end':
        return this.unless(this.tunnels?.end(frame.tunnel), frame);
      case 'hello':
      case 'proof':
        return this.malformed(`${frame.type.toUpperCase()} after WELCOME`);
      default:
        if (this.mayControl(1)) this.handleTunnel(frame);
    }
  }

  private handleTunnel(frame: TunnelRequest): void {
    const tunnels = this.ownTunnels();
    switch (frame.type) {
      case 'room_create':
        return this.unless(tunnels.create(frame), frame);
      case 'room_join':
        return this.unless(tunnels.join(frame), frame);
      case 'tunnel_connect':
        return this.unless(tunnels.connect(frame), frame);
      case 'tunnel_accept':
        return this.unless(tunnels.accept(frame), frame);
      case 'tunnel_close':
        return this.unless(tunnels.close(frame.tunnel, frame.reason), frame);
    }
  }

  /** `problem`: what is malformed of the frame; undefined where there never was a tunnel. */
  private unless(problem: string | null | undefined, frame: ClientFrame): void {
    if (problem === null) return;
    this.malformed(`${frame.type.toUpperCase()}: ${problem ?? 'there is no tunnel'}`);
  }

  private ownTunnels(): ClientTunnels {
    this.tunnels ??= this.deps.tunnels.of(
      peerKey(this.realm, (this.member as Member).peer),
      this.connection,
      this.account as UsageAccount,
      this.trace?.starts ?? null,
    );
    return this.tunnels;
  }

  private beforeWelcome(frame: ClientFrame): void {
    if (frame.type === 'ping') return this.ping(frame);
    if (frame.type !== 'proof' || !this.opening.proof(frame))
      this.malformed(`${frame.type.toUpperCase()} before WELCOME`);
  }

  private take(sender: Sender, frame: SendFrame): void {
    sender.send(frame);
    if (sender.isRefusedTooOften) this.flood('refused_too_often', 'too many recipients have refused messages');
  }

  private ping({ data }: PingFrame): void {
    if (this.mayControl(1)) this.connection.send({ type: 'pong', data });
  }

  /** False: too many came, and the connection is closed. */
  private mayControl(units: number): boolean {
    if (this.controls.take(units)) return true;
    this.flood('control_flood', 'too many control frames');
    return false;
  }

  private flood(reason: DropReason, message: string): void {
    this.deps.counters.drop(reason);
    this.fail('rate_limited', message);
  }

  private hello(hello: HelloFrame): void {
    this.cancelHelloTimer?.();
    this.cancelHelloTimer = null;
    if (hello.v !== PROTOCOL_VERSION) {
      return this.fail('unsupported_version', `version ${hello.v} is not spoken here, version ${PROTOCOL_VERSION} is`);
    }
    const { load, counters, tracer } = this.deps;
    this.trace = tracer === null ? null : new ConnectionTrace(tracer, hello);
    if (load.registering >= MAX_REGISTERING) {
      counters.drop('registration_limit');
      return this.refuse({ code: 'unavailable', message: 'too many registrations are under way' });
    }
    this.state = 'registering';
    this.realm = hello.realm;
    load.registering += 1;
    this.register(hello)
      .catch((error: unknown) => {
        this.deps.log.error({ err: error, ...this.traceFields }, 'a registration failed unexpectedly');
        this.fail('internal', 'the registration failed');
      })
      .finally(() => {
        load.registering -= 1;
      });
  }

  private async register(hello: HelloFrame): Promise<void> {
    const reply = await this.opening.open(hello);
    // Who may come in may have changed since it was asked.
    this.recheck(this.deps.clock.now());
    if (!this.isOpen || reply.kind === 'ended') return;
    if (reply.kind === 'refused') return this.refuse(reply);
    this.connection.close(CloseCode.replaced, 'a newer attempt of this client is connected');
    this.leave();
  }

  private welcome({ member, recipient, registered, allowance }: Opened): void {
    const { peer } = member;
    const { settings, clock, counters, usage } = this.deps;
    this.state = 'open';
    this.member = member;
    this.recipient = recipient;
    this.allowance = allowance;
    this.account = usage.account(this.realm, peer);
    this.account.open();
    this.deps.entered(recipient.key, this);
    const { number, realm, connection, trace } = this;
    const traces = trace?.starts ?? null;
    this.sender = new Sender(number, realm, peer, connection, allowance, this.account, this.deps.sender, traces);
    recipient.trace = trace?.registration ?? null;
    trace?.registered(peer, registered);
    counters.registrations[registered.renewed ? 'renewed' : 'fresh'] += 1;
    this.connection.send(welcomeFrame(settings, this.realm, peer, registered, allowance.buckets, clock.now()));
    recipient.start();
  }

  private watch({ peers }: WatchFrame): void {
    const { presence, quotas } = this.deps;
    this.watching ??= new Watching(this.realm, this.connection, presence, quotas);
    if (!this.watching.add(peers)) this.malformed(`more than ${MAX_WATCHED} peers are watched`);
  }

  /** A refused HELLO, or a connection that may not even send one. */
  private refuse({ code, message, retryAfterMs }: Omit<Refused, 'kind'>): void {
    const { registrationsRefused } = this.deps.counters;
    registrationsRefused.set(code, (registrationsRefused.get(code) ?? 0) + 1);
    this.fail(code, message, retryAfterMs);
  }

  private fail(code: ErrorCodeName, message: string, retryAfterMs = RETRY_AFTER_MS): void {
    if (this.state === 'closed') return;
    const { close, retry } = ErrorCode[code];
    const hint = retry ? { retryAfterMs } : {};
    this.trace?.failed(code);
    this.deps.log.debug({ session: this.number, code, reason: message, ...this.traceFields }, 'closing a connection');
    this.connection.send({ type: 'error', code, message, ...hint });
    this.connection.close(close ?? CloseCode.unavailable, code);
    this.leave();
  }

  private leave(): void {
    this.state = 'closed';
    this.trace?.failed('left');
    this.cancelHelloTimer?.();
    this.cancelHelloTimer = null;
    this.cancelDeparture?.();
    this.opening.close();
    this.sender?.disconnect();
    this.recipient?.leave('disconnect');
    this.allowance?.close();
    this.account?.close();
    if (this.member !== null) this.deps.quotas.left(this.realm);
    this.watching?.close();
    this.tunnels?.leave();
    if (this.recipient !== null) this.deps.left(this.recipient.key, this);
  }

  private get traceFields(): ReturnType<typeof traceFields> {
    return traceFields(this.trace?.registration ?? null);
  }

  private get isOpen(): boolean {
    return this.state !== 'closed';
  }
}
