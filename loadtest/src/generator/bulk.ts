import { setTimeout as sleep } from 'node:timers/promises';
import {
  asPeerId,
  type ClientFrame,
  DEFAULT_TUNNEL_WINDOW_BYTES,
  decodeRelayPacket,
  encodeFrame,
  FrameType,
  type RelayFrame,
  TUNNEL_DATA_HEAD_BYTES,
} from '@causeway/protocol';
import { Connection } from './connection.ts';
import { clientFrame, Opcode } from './frames.ts';
import type { BulkJob, BulkResult } from './job.ts';
import type { Window } from './load.ts';
import { causeway } from './wires/causeway.ts';

const FRAME_HEADER = 4;
/** Credit goes back when so much has been taken, as a client does. */
const RETURN_BYTES = DEFAULT_TUNNEL_WINDOW_BYTES / 4;

/** One direction of bulk: what is sent and what has arrived. */
interface Pipe {
  arrived: number;
  /** What ended it before its time. */
  failure: Error | null;
  close(): Promise<unknown>;
}

/** Moves bytes as fast as they go, with a window under way; counts what arrives within the measured time. */
export async function runBulk(job: BulkJob, window: Window): Promise<BulkResult> {
  const pipe = await (job.wire === 'echo' ? openEcho(job) : openTunnel(job));
  await sleep(job.warmupMs);
  window.open();
  const [before, since] = [pipe.arrived, performance.now()];
  await sleep(job.measureMs);
  if (pipe.failure !== null) throw pipe.failure;
  const bytesPerSecond = ((pipe.arrived - before) * 1000) / (performance.now() - since);
  await window.close();
  await pipe.close();
  return { bytesPerSecond };
}

async function openEcho({ senderPort, chunkBytes }: BulkJob): Promise<Pipe> {
  const connection = await Connection.open(senderPort, '/', null);
  const chunk = clientFrame(Opcode.binary, new Uint8Array(chunkBytes));
  const pipe: Pipe = { arrived: 0, failure: null, close: () => connection.close() };
  failsWith(pipe, connection);
  connection.onFrame = (_opcode, _buffer, start, end) => {
    pipe.arrived += end - start;
    connection.write(chunk);
  };
  for (let sent = 0; sent + chunkBytes <= DEFAULT_TUNNEL_WINDOW_BYTES; sent += chunkBytes) connection.write(chunk);
  return pipe;
}

async function openTunnel({ senderPort, receiverPort, label, chunkBytes }: BulkJob): Promise<Pipe> {
  const [from, to] = [`${label}-from`, `${label}-to`];
  const sender = await register(senderPort, from);
  const receiver = await register(receiverPort, to);
  const peer = asPeerId(to);
  if (peer === null) throw new Error(`not a peer id: ${to}`);
  const offered = first(receiver, 'tunnel_offer');
  const opened = first(sender, 'tunnel_open');
  say(sender, { type: 'tunnel_connect', ref: 1, to: peer });
  const { tunnel: takes } = await offered;
  say(receiver, { type: 'tunnel_accept', tunnel: takes, accept: true });
  const { tunnel: gives, credit } = await opened;
  const close = () => Promise.all([sender.close(), receiver.close()]);
  const pipe: Pipe = { arrived: 0, failure: null, close };
  failsWith(pipe, sender, receiver);
  take(receiver, takes, pipe);
  give(sender, gives, credit, chunkBytes);
  return pipe;
}

function failsWith(pipe: Pipe, ...connections: readonly Connection[]): void {
  for (const connection of connections) {
    connection.onFailure = (error) => {
      pipe.failure ??= error;
    };
  }
}

async function register(port: number, name: string): Promise<Connection> {
  const connection = await Connection.open(port, causeway.path, causeway.subprotocol);
  await causeway.register(connection, name);
  return connection;
}

function say(connection: Connection, frame: ClientFrame): void {
  connection.write(clientFrame(Opcode.binary, encodeFrame(frame)));
}

/** The next frame of this type; those before it are dropped. */
async function first<T extends RelayFrame['type']>(connection: Connection, type: T) {
  let found: RelayFrame | undefined;
  await connection.expect((_opcode, buffer, start, end) => {
    decodeRelayPacket(
      buffer.subarray(start, end),
      (frame) => {
        if (frame.type === 'error') throw new Error(`instead of ${type}: ${frame.code}`);
        if (frame.type === type) found ??= frame;
        return true;
      },
      ({ reason }) => {
        throw new Error(reason);
      },
    );
    return found !== undefined;
  });
  return found as Extract<RelayFrame, { type: T }>;
}

/** Sends chunks as long as there is credit. */
function give(connection: Connection, tunnel: number, credit: number, chunkBytes: number): void {
  const data = encodeFrame({ type: 'tunnel_data', tunnel, bytes: new Uint8Array(chunkBytes) });
  const chunk = clientFrame(Opcode.binary, data);
  let left = credit;
  const go = (): void => {
    for (; left >= chunkBytes; left -= chunkBytes) connection.write(chunk);
  };
  connection.onFrame = (_opcode, buffer, start, end) => {
    eachFrame(buffer, start, end, (type, body) => {
      if (type === FrameType.tunnel_credit) left += buffer.readUInt32BE(body + 4);
      else throw new Error(`the sender got a frame of type ${type}`);
    });
    go();
  };
  go();
}

/** Counts what comes, and returns credit for it. */
function take(connection: Connection, tunnel: number, pipe: Pipe): void {
  let due = 0;
  connection.onFrame = (_opcode, buffer, start, end) => {
    eachFrame(buffer, start, end, (type, body, next) => {
      if (type === FrameType.tunnel_data) due += next - body - (TUNNEL_DATA_HEAD_BYTES - FRAME_HEADER);
      else if (type !== FrameType.tunnel_open) throw new Error(`the recipient got a frame of type ${type}`);
    });
    if (due < RETURN_BYTES) return;
    pipe.arrived += due;
    say(connection, { type: 'tunnel_credit', tunnel, bytes: due });
    due = 0;
  };
}

function eachFrame(
  buffer: Buffer,
  start: number,
  end: number,
  onFrame: (type: number, body: number, next: number) => void,
): void {
  for (let at = start; at < end; ) {
    const body = at + FRAME_HEADER;
    const next = body + (buffer.readUInt32BE(at) & 0xffffff);
    onFrame(buffer[at] as number, body, next);
    at = next;
  }
}
