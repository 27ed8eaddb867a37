import {
  type ClientFrame,
  CloseCode,
  ErrorCode,
  type ErrorCodeName,
  type HelloFrame,
  type MessageId,
  type PeerId,
  type PingFrame,
  PROTOCOL_VERSION,
  type RealmName,
  type SendFrame,
  type WatchFrame,
} from '@causeway/protocol';
import { peerKey } from './address.ts';
import { Allowance } from './allowance.ts';
import type { Authenticator, Member } from './authenticator.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import type { Counters } from './counters.ts';
import type { DropReason } from './drops.ts';
import { type Load, MAX_REGISTERING } from './load.ts';
import type { Pending } from './pending.ts';
import type { Registered } from './ports.ts';
import { type PresenceBoard, WatchList } from './presence-board.ts';
import type { Recipient } from './recipient.ts';
import type { Registry } from './registry.ts';
import { Sender, type SenderDeps } from './sender.ts';
import type { Settings } from './settings.ts';

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
  readonly presence: PresenceBoard;
  readonly sender: SenderDeps;
  /** Nothing refers to the session any more. */
  readonly onFinished: (session: Session) => void;
}

type State = 'opening' | 'registering' | 'open' | 'closed';

/** One connection's way through the protocol: HELLO, WELCOME, then messages and presence. */
export class Session implements ConnectionHandler {
  readonly number: number;
  private readonly connection: Connection;
  private readonly deps: SessionDeps;
  private state: State = 'opening';
  private cancelHelloTimer: (() => void) | null;
  /** Set once the client was told to go elsewhere. */
  private cancelDeparture: (() => void) | null = null;
  private hasSocket = true;
  private realm: RealmName = '' as RealmName;
  private recipient: Recipient | null = null;
  private sender: Sender | null = null;
  private watching: WatchList | null = null;
  private readonly controls: Allowance;

  constructor(number: number, connection: Connection, deps: SessionDeps) {
    this.number = number;
    this.connection = connection;
    this.deps = deps;
    this.controls = new Allowance(CONTROL_BURST, CONTROLS_PER_SECOND, deps.clock);
    this.cancelHelloTimer = deps.timers.after(deps.settings.helloTimeoutMs, () =>
      this.fail('timeout', 'no HELLO came in time'),
    );
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
    const oldest = this.sender?.oldestPending ?? null;
    if (oldest === null || oldest + this.deps.settings.outcomeTimeoutMs > now) return;
    if (this.state === 'closed') {
      this.sender?.abandon();
      this.deps.onFinished(this);
    } else this.fail('internal', 'no outcome for a message in time; send it again with its id');
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
        if (this.mayControl(1 + frame.peers.length)) for (const peer of frame.peers) this.unwatch(peer);
        return;
      case 'hello':
      case 'proof':
        return this.malformed(`${frame.type.toUpperCase()} after WELCOME`);
      default:
        return this.unsupported(frame);
    }
  }

  private beforeWelcome(frame: ClientFrame): void {
    if (frame.type === 'ping') this.ping(frame);
    else this.malformed(`${frame.type.toUpperCase()} before WELCOME`);
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

  private unsupported(frame: ClientFrame): void {
    this.malformed(`${frame.type.toUpperCase()} is not served by this relay`);
  }

  private hello(hello: HelloFrame): void {
    this.cancelHelloTimer?.();
    this.cancelHelloTimer = null;
    if (hello.v !== PROTOCOL_VERSION) {
      return this.fail('unsupported_version', `version ${hello.v} is not spoken here, version ${PROTOCOL_VERSION} is`);
    }
    const { load, counters } = this.deps;
    if (load.registering >= MAX_REGISTERING) {
      counters.drop('registration_limit');
      return this.refuse('unavailable', 'too many registrations are under way');
    }
    this.state = 'registering';
    this.realm = hello.realm;
    load.registering += 1;
    this.register(hello)
      .catch((error: unknown) => {
        this.deps.log.error({ err: error }, 'a registration failed unexpectedly');
        this.fail('internal', 'the registration failed');
      })
      .finally(() => {
        load.registering -= 1;
      });
  }

  private async register(hello: HelloFrame): Promise<void> {
    const { authenticator, registry } = this.deps;
    const member = await authenticator.authenticate(hello, this.connection.address);
    if (this.state !== 'registering') return;
    if (member.kind === 'refused') return this.refuse(member.code, member.message);
    const reply = await registry.register(this.request(hello, member), () => (this.isOpen ? this.connection : null));
    if ('recipient' in reply) {
      if (this.isOpen) this.welcome(member.peer, reply.recipient, reply.registered);
      return;
    }
    switch (reply.kind) {
      case 'peer_in_use':
        return this.refuse('peer_in_use', 'the peer id is reserved by another client');
      case 'superseded':
        this.connection.close(CloseCode.replaced, 'a newer attempt of this client is connected');
        return this.leave();
      case 'too_many_handovers':
        return this.refuse('unavailable', 'too many earlier connections of this peer have not handed over yet');
      case 'unavailable':
        return this.refuse('unavailable', `the registration could not be stored: ${reply.reason}`);
    }
  }

  private request(hello: HelloFrame, member: Member): Parameters<Registry['register']>[0] {
    const { settings } = this.deps;
    return {
      key: peerKey(this.realm, member.peer),
      node: settings.node,
      connection: `${settings.node}/${this.number}`,
      resumeHash: hello.resume === undefined ? '' : settings.sha256Hex(hello.resume),
      attempt: hello.attempt ?? null,
      sticky: member.sticky,
      ttlMs: settings.reservationTtlMs,
      limits: member.limits,
      mailboxTtlMs: settings.mailboxTtlMs,
      reclaims: 0,
    };
  }

  private welcome(peer: PeerId, recipient: Recipient, registered: Registered): void {
    const { settings, clock, counters } = this.deps;
    this.state = 'open';
    this.recipient = recipient;
    this.sender = new Sender(this.number, this.realm, peer, this.connection, this.deps.sender);
    counters.registrations[registered.renewed ? 'renewed' : 'fresh'] += 1;
    this.connection.send({
      type: 'welcome',
      peer,
      realm: this.realm,
      node: settings.node,
      ...(settings.region === '' ? {} : { region: settings.region }),
      epoch: registered.epoch,
      heartbeatMs: settings.heartbeatMs,
      maxPayload: settings.maxPayload,
      sendWindow: settings.sendWindow,
      queued: registered.queued,
      reservation: {
        ttlMs: settings.reservationTtlMs,
        expiresAt: registered.expiresAt,
        renewed: registered.renewed,
        limits: registered.limits,
      },
      serverTime: clock.now(),
    });
    recipient.start();
  }

  private watch({ peers }: WatchFrame): void {
    this.watching ??= new WatchList();
    const fresh = this.watching.add(peers);
    if (fresh === null) return this.malformed('more than 256 peers are watched');
    for (const peer of fresh) this.deps.presence.watch(peerKey(this.realm, peer), this.connection);
  }

  private unwatch(peer: PeerId): void {
    if (this.watching?.remove(peer)) this.deps.presence.unwatch(peerKey(this.realm, peer), this.connection);
  }

  /** A refused HELLO. */
  private refuse(code: ErrorCodeName, message: string): void {
    const { registrationsRefused } = this.deps.counters;
    registrationsRefused.set(code, (registrationsRefused.get(code) ?? 0) + 1);
    this.fail(code, message);
  }

  private fail(code: ErrorCodeName, message: string): void {
    if (this.state === 'closed') return;
    const { close, retry } = ErrorCode[code];
    const hint = retry ? { retryAfterMs: RETRY_AFTER_MS } : {};
    this.deps.log.debug({ session: this.number, code, reason: message }, 'closing a connection');
    this.connection.send({ type: 'error', code, message, ...hint });
    this.connection.close(close ?? CloseCode.unavailable, code);
    this.leave();
  }

  private leave(): void {
    this.state = 'closed';
    this.cancelHelloTimer?.();
    this.cancelHelloTimer = null;
    this.cancelDeparture?.();
    this.sender?.disconnect();
    this.recipient?.leave('disconnect');
    for (const peer of this.watching ?? []) {
      this.deps.presence.unwatch(peerKey(this.realm, peer), this.connection);
    }
    this.watching = null;
  }

  private get isOpen(): boolean {
    return this.state !== 'closed';
  }
}
