import { HARD_PACKET_BYTES, MAX_WATCHED } from '@causeway/protocol';
import { MAX_REGISTERING, MESSAGE_OVERHEAD_BYTES } from './core/load.ts';
import { MAX_REFUSALS } from './core/refusals.ts';
import { MAX_REFUSING } from './core/sender.ts';
import { spareHandshakes } from './edge/handshakes.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What a relay takes before its first client, with the room in which the heap grows before it is collected. */
const BASE_BYTES = 256 * MIB;
/** Objects of one connection in the edge, the core and uWebSockets.js, idle, with its TLS state. */
const SESSION_BYTES = 16 * KIB;
/** A delivery that is not acknowledged, without its payload; a message in a session's send window. */
const DELIVERY_BYTES = 256;
const PENDING_BYTES = 256;
/** One entry of a table by peer: the longest key, in one byte a character, its value and its place. */
const ENTRY_BYTES = 384;
/** A watched peer: its entry, its set of watchers, a question to the store. */
const WATCHED_BYTES = 1024;
/** A registration under way: its request to the store, and the waits between its tries. */
const REGISTERING_BYTES = 8 * KIB;
/** An accepted socket that is no WebSocket, under TLS: files are not counted, the parser's buffer is. */
const HANDSHAKE_BYTES = 10 * KIB;
/**
 * A message costs its payload twice (in the packet it came in, up to 8 KiB of others' included, and in the frame to
 * another node) and its objects; it is counted with its payload and MESSAGE_OVERHEAD_BYTES.
 */
const SHARED_PACKET_BYTES = 8 * KIB;
const MESSAGE_OBJECTS_BYTES = 1024;
const MESSAGE_FACTOR = (SHARED_PACKET_BYTES + MESSAGE_OBJECTS_BYTES) / MESSAGE_OVERHEAD_BYTES;
/** The smallest message in an inbox has about 40 bytes, and costs about 600 as objects until it is settled. */
const INBOX_FACTOR = 16;
/** Idle routes that are kept, 100,000 of them, and the names of 8192 peers in UTF-8. */
const CACHES_BYTES = 100_000 * ENTRY_BYTES + 8192 * ENTRY_BYTES;
/** Attempts of 20,000 subjects of each of five kinds (1344 bytes each), 10,000 members, as many answers of the hook. */
const ACCESS_BYTES = 139 * MIB;
/** The end of a tunnel, its queues and its place; two offers with their meta. */
const TUNNEL_OBJECTS_BYTES = 8 * KIB;
/** Bytes that wait may be gathered in blocks of twice their size, or keep a packet of twice their size alive. */
const TUNNEL_FACTOR = 2;
/** Free outbound buffers: 1 MiB for each size. */
const POOL_BYTES = 11 * MIB;

export interface BoundedSettings {
  readonly maxConnections: number;
  readonly sendWindow: number;
  readonly deliveryWindow: number;
  readonly deliveryWindowBytes: number;
  readonly messageBytes: number;
  readonly outboundBytes: number;
  readonly tunnels: { readonly perConnection: number; readonly heldBytes: number };
  /** 0 for a relay by itself, which has no inbox. */
  readonly inboxBytes: number;
}

/** Bytes of resident memory at most, by part. Mailboxes of a relay without Redis are not among them. */
export interface MemoryBound {
  readonly base: number;
  readonly connections: number;
  readonly handshakes: number;
  readonly messages: number;
  readonly outbound: number;
  readonly tunnels: number;
  readonly inbox: number;
  readonly tables: number;
  readonly total: number;
}

/** Bytes that one connection costs at most, whatever its client does. */
export function connectionBound(settings: BoundedSettings): number {
  const { sendWindow, deliveryWindow, deliveryWindowBytes, tunnels } = settings;
  const windows = deliveryWindow * DELIVERY_BYTES + sendWindow * PENDING_BYTES + deliveryWindowBytes;
  const tables =
    (MAX_REFUSING + sendWindow) * ENTRY_BYTES +
    MAX_WATCHED * WATCHED_BYTES +
    tunnels.perConnection * TUNNEL_OBJECTS_BYTES;
  return SESSION_BYTES + HARD_PACKET_BYTES + windows + tables;
}

/** What a node's memory can grow to at the worst; `docs/memory.md` explains the parts. */
export function memoryBound(settings: BoundedSettings): MemoryBound {
  const { maxConnections, messageBytes, outboundBytes, inboxBytes, tunnels } = settings;
  const parts = {
    base: BASE_BYTES,
    connections: maxConnections * connectionBound(settings),
    handshakes: (maxConnections + spareHandshakes(maxConnections)) * HANDSHAKE_BYTES,
    messages: Math.ceil(messageBytes * MESSAGE_FACTOR),
    outbound: outboundBytes + POOL_BYTES,
    tunnels: tunnels.heldBytes * TUNNEL_FACTOR,
    inbox: inboxBytes * INBOX_FACTOR,
    tables: MAX_REFUSALS * ENTRY_BYTES + MAX_REGISTERING * REGISTERING_BYTES + CACHES_BYTES + ACCESS_BYTES,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}
