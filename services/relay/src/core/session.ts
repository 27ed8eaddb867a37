import {
  type ClientFrame,
  CloseCode,
  ErrorCode,
  type ErrorCodeName,
  type HelloFrame,
  type MessageId,
  type PeerId,
  PROTOCOL_VERSION,
  type RealmName,
  type WatchFrame,
} from '@causeway/protocol';
import { peerKey } from './address.ts';
import type { Authenticator, Member } from './authenticator.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import type { Counters } from './counters.ts';
import type { Pending } from './pending.ts';
import type { Registered } from './ports.ts';
import { type PresenceBoard, WatchList } from './presence-board.ts';
import type { Recipient } from './recipient.ts';
import type { Registry } from './registry.ts';
import { Sender, type SenderDeps } from './sender.ts';
import type { Settings } from './settings.ts';

/** Hint in an ERROR that a short wait can cure. */
const RETRY_AFTER_MS = 1000;

export interface SessionDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
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
  private realm: RealmName = '' as RealmName;
  private recipient: Recipient | null = null;
  private sender: Sender | null = null;
  private watching: WatchList | null = null;

  constructor(number: number, connection: Connection, deps: SessionDeps) {
    this.number = number;
    this.connection = connection;
    this.deps = deps;
    this.cancelHelloTimer = deps.timers.after(deps.settings.helloTimeoutMs, () =>
      this.fail('timeout', 'no HELLO came in time'),
    );
  }

  get pendingCount(): number {
    return this.sender?.pendingCount ?? 0;
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
    } else this.fail('unavailable', 'no outcome for a message in time; send it again with its id');
  }

  /** Tells the client to go elsewhere, and closes. */
  goAway(reason: string, reconnectAfterMs: number): void {
    if (this.state === 'closed') return;
    this.connection.send({ type: 'goaway', reason, reconnectAfterMs, urls: [] });
    this.connection.close(CloseCode.draining, reason);
    this.leave();
  }

  private handle(frame: ClientFrame): void {
    switch (frame.type) {
      case 'send':
        return (this.sender as Sender).send(frame);
      case 'ack':
        if (!(this.recipient as Recipient).acknowledge(frame.seq)) {
          this.malformed(`ACK ${frame.seq} is beyond the last DELIVER`);
        }
        return;
      case 'ping':
        return this.connection.send({ type: 'pong', data: frame.data });
      case 'pong':
        return;
      case 'watch':
        return this.watch(frame);
      case 'unwatch':
        for (const peer of frame.peers) this.unwatch(peer);
        return;
      case 'hello':
      case 'proof':
        return this.malformed(`${frame.type.toUpperCase()} after WELCOME`);
      default:
        return this.unsupported(frame);
    }
  }

  private beforeWelcome(frame: ClientFrame): void {
    if (frame.type === 'ping') this.connection.send({ type: 'pong', data: frame.data });
    else this.malformed(`${frame.type.toUpperCase()} before WELCOME`);
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
    this.state = 'registering';
    this.realm = hello.realm;
    this.register(hello).catch((error: unknown) => {
      this.deps.log.error({ err: error }, 'a registration failed unexpectedly');
      this.fail('internal', 'the registration failed');
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
