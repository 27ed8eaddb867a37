import {
  type ClientFrame,
  isTemporary,
  type MessageId,
  type PeerId,
  type RealmName,
  type RelayFrame,
  SendFlag,
} from '@causeway/protocol';
import type { Connection, ConnectionHandler } from '../../services/relay/src/core/connection.ts';
import type { World } from './world.ts';

export const REALM = 'sim' as RealmName;

/** What a client connects to. */
export interface Entrance {
  open(connection: Connection): ConnectionHandler;
}

/** One connection of a simulated client, which sees and says exactly what goes over the wire. */
export class Wire implements Connection {
  readonly address = '127.0.0.1';
  readonly handler: ConnectionHandler;
  isCongested = false;
  closedWith = 0;
  private readonly world: World;
  private readonly client: WireClient;

  constructor(entrance: Entrance, world: World, client: WireClient) {
    this.world = world;
    this.client = client;
    this.handler = entrance.open(this);
  }

  deliver(seq: number, id: MessageId, flags: number, from: PeerId, payload: Uint8Array): void {
    if (this.closedWith === 0) this.client.onDeliver(this, seq, id, flags, from, payload);
  }

  receipt(id: MessageId, status: number): void {
    if (this.closedWith === 0) this.client.onReceipt(this, id, status);
  }

  tunnelData(tunnel: number, bytes: Uint8Array): void {
    this.send({ type: 'tunnel_data', tunnel, bytes });
  }

  send(frame: RelayFrame): void {
    if (this.closedWith === 0) this.client.onControl(this, frame);
  }

  close(code: number): void {
    this.end(code);
  }

  /** The client hangs up, or the network breaks. */
  cut(): void {
    this.end(1006);
  }

  say(frame: ClientFrame): void {
    if (this.closedWith === 0) this.handler.receive(frame);
  }

  private end(code: number): void {
    if (this.closedWith !== 0) return;
    this.closedWith = code;
    this.world.after(0, () => {
      this.handler.closed();
      this.client.onClosed(this, code);
    });
  }
}

export interface WireClient {
  onDeliver(wire: Wire, seq: number, id: MessageId, flags: number, from: PeerId, payload: Uint8Array): void;
  onReceipt(wire: Wire, id: MessageId, status: number): void;
  onControl(wire: Wire, frame: RelayFrame): void;
  onClosed(wire: Wire, code: number): void;
}

export interface RecipientOptions {
  /** Milliseconds until a delivery is acknowledged; Infinity for never. */
  readonly ackAfter: () => number;
  readonly onClosed: () => void;
}

/** Shows each message once, as the client library does, and acknowledges after a while. */
export class SimRecipient implements WireClient {
  readonly id: PeerId;
  readonly shown: string[] = [];
  wire: Wire | null = null;
  wasWelcomed = false;
  /** It hung up by itself. */
  isAway = false;
  private readonly seen = new Set<string>();
  private readonly world: World;
  private readonly options: RecipientOptions;
  private attempt = 0;

  constructor(id: string, world: World, options: RecipientOptions) {
    this.id = id as PeerId;
    this.world = world;
    this.options = options;
  }

  connect(entrance: Entrance): void {
    this.isAway = false;
    this.attempt += 1;
    this.wire = new Wire(entrance, this.world, this);
    const resume = new Uint8Array(32).fill(7);
    this.wire.say({ type: 'hello', v: 1, realm: REALM, peer: this.id, resume, attempt: this.attempt });
  }

  /** Hangs up, to come back when it is told to. */
  leave(): void {
    this.isAway = true;
    this.wire?.cut();
  }

  onDeliver(wire: Wire, seq: number, id: MessageId, _flags: number, from: PeerId, payload: Uint8Array): void {
    const name = `${from} ${id}`;
    if (!this.seen.has(name)) {
      this.seen.add(name);
      this.shown.push(`${from} ${Buffer.from(payload).toString()}`);
    }
    const delay = this.options.ackAfter();
    if (Number.isFinite(delay)) this.world.after(delay, () => wire.say({ type: 'ack', seq }));
  }

  onControl(_wire: Wire, frame: RelayFrame): void {
    if (frame.type === 'welcome') this.wasWelcomed = true;
  }

  onReceipt(): void {}

  onClosed(wire: Wire): void {
    if (this.wire !== wire) return;
    this.wire = null;
    this.options.onClosed();
  }
}

export interface SenderOptions {
  readonly id: string;
  readonly to: PeerId;
  readonly total: number;
  /** Messages that are under way at a time. */
  readonly window: number;
  /** Milliseconds between two messages; 0 for as fast as the window allows. */
  readonly pace: number;
  /** Bits of SendFlag for each message. */
  readonly flags: (number: number) => number;
  /** Where to connect; asked for each connection. */
  readonly entrance: () => Entrance;
}

/** Sends numbered messages to one recipient as PROTOCOL section 5 says, refusals and reconnects included. */
export class SimSender implements WireClient {
  readonly id: PeerId;
  readonly to: PeerId;
  /** Status of each message that has a final one. */
  readonly outcomes = new Map<number, number>();
  refusals = 0;
  doubleReceipts = 0;
  connections = 0;
  private readonly world: World;
  private readonly options: SenderOptions;
  private wire: Wire | null = null;
  private ready = false;
  private next = 0;
  private again: number[] = [];
  private holding = false;
  private leaving = false;
  private waiting = false;
  private sentAt = 0;
  private readonly underWay = new Set<number>();

  constructor(options: SenderOptions, world: World) {
    this.id = options.id as PeerId;
    this.to = options.to;
    this.options = options;
    this.world = world;
  }

  /** Everything that is owed a receipt has a final one, and nothing is to be sent again. */
  get done(): boolean {
    return this.next === this.options.total && this.underWay.size === 0 && this.again.length === 0;
  }

  connect(): void {
    if (this.leaving) return;
    this.connections += 1;
    this.wire = new Wire(this.options.entrance(), this.world, this);
    this.wire.say({ type: 'hello', v: 1, realm: REALM, peer: this.id });
  }

  cut(): void {
    this.wire?.cut();
  }

  /** Hangs up for good. */
  leave(): void {
    this.leaving = true;
    this.cut();
  }

  onControl(_wire: Wire, frame: RelayFrame): void {
    if (frame.type !== 'welcome') return;
    this.ready = true;
    this.pump();
  }

  onDeliver(): void {}

  onReceipt(_wire: Wire, id: MessageId, status: number): void {
    const number = Number(id);
    const wasUnderWay = this.underWay.delete(number);
    if (!wasUnderWay && !this.isUnowed(number)) this.doubleReceipts += 1;
    if (isTemporary(status)) {
      this.refusals += 1;
      this.again.push(number);
      this.holding = true;
    } else {
      this.outcomes.set(number, status);
    }
    if (this.holding && this.underWay.size === 0) this.world.after(50, () => this.beginAgain());
    if (!this.holding) this.pump();
  }

  onClosed(): void {
    this.ready = false;
    this.wire = null;
    this.again = [...new Set([...this.again, ...this.underWay])].sort((a, b) => a - b);
    this.underWay.clear();
    this.holding = false;
    this.world.after(20, () => this.connect());
  }

  private mustWait(): boolean {
    const { pace } = this.options;
    const now = this.world.now();
    if (pace === 0 || this.again.length > 0) return false;
    const wait = this.sentAt + pace - now;
    if (wait <= 0) {
      this.sentAt = now;
      return false;
    }
    if (!this.waiting) {
      this.waiting = true;
      this.world.after(wait, () => {
        this.waiting = false;
        this.pump();
      });
    }
    return true;
  }

  private isUnowed(number: number): boolean {
    return (this.options.flags(number) & SendFlag.noReceipt) !== 0;
  }

  private beginAgain(): void {
    if (!this.holding || !this.ready || this.underWay.size > 0) return;
    this.holding = false;
    this.again.sort((a, b) => a - b);
    this.pump(SendFlag.afterRefusal);
  }

  private pump(flags = 0): void {
    let first = flags;
    while (this.ready && !this.holding && this.underWay.size < this.options.window) {
      if (first === 0 && this.mustWait()) return;
      const number = this.again.shift() ?? (this.next < this.options.total ? this.next++ : null);
      if (number === null) return;
      if (!this.isUnowed(number)) this.underWay.add(number);
      const payload = Buffer.from(String(number));
      this.wire?.say({ type: 'send', id: number, flags: first | this.options.flags(number), to: this.to, payload });
      first = 0;
    }
  }
}
