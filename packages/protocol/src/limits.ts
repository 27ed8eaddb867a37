const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

// What a connection agrees on when it opens.
export const PROTOCOL_VERSION = 1;
/** Path of the WebSocket upgrade. */
export const PATH = '/v1';
export const SUBPROTOCOL_BINARY = 'causeway.v1';
export const SUBPROTOCOL_JSON = 'causeway.v1.json';

// Packets and frames, in bytes.
/** type:u8 length:u24 */
export const FRAME_HEADER_BYTES = 4;
/** Above it a packet is malformed: one packet must not hold up the other connections of a node. */
export const MAX_PACKET_BYTES = MIB;
/** Above it the connection drops without an answer: the transport does not even gather the packet. */
export const HARD_PACKET_BYTES = 2 * MIB;
/**
 * Body of a control frame in the binary form. The largest that makes sense, a WATCH of MAX_WATCHED peers, has about half
 * of it. A parser's work grows with the keys in a map, also with those that it ignores, and anyone may send a HELLO.
 */
export const MAX_CONTROL_BYTES = 64 * KIB;
/** Payload of one message where the relay is not configured otherwise; WELCOME names the actual limit. */
export const DEFAULT_MAX_PAYLOAD = 64 * KIB;
/** A peer id in UTF-8; its length must also fit the u8 in SEND and DELIVER. */
export const MAX_PEER_ID_BYTES = 128;
export const PING_BYTES = 8;

// Opening.
/** Milliseconds from the upgrade until HELLO must have come: an idle socket must not hold a place. */
export const HELLO_TIMEOUT_MS = 5 * SECOND;
/** A connection from which nothing came for this many heartbeats is closed: one lost probe is no verdict. */
export const HEARTBEATS_BEFORE_TIMEOUT = 2;
/** The client's secret that renews its reservation, in bytes: out of reach of guessing. */
export const RESUME_BYTES = 32;
export const NONCE_BYTES = 32;
/** Ed25519 (RFC 8032), in bytes. */
export const PUBLIC_KEY_BYTES = 32;
/** Ed25519 (RFC 8032), in bytes. */
export const SIGNATURE_BYTES = 64;

// Messages.
/** Messages that a client may have without a receipt; WELCOME names the actual limit. */
export const DEFAULT_SEND_WINDOW = 256;
/** Unacknowledged deliveries at which the relay stops delivering: what a silent consumer may cost it in memory. */
export const DELIVERY_WINDOW_MESSAGES = 256;
/** Bytes of unacknowledged deliveries at which the relay stops delivering. */
export const DELIVERY_WINDOW_BYTES = MIB;
/** Milliseconds after which an unacknowledged delivery is stored. */
export const ACK_TIMEOUT_MS = 2 * SECOND;
/** A client acknowledges at the latest after this many messages taken by its application... */
export const ACK_EVERY_MESSAGES = 32;
/** ...or after this many milliseconds: well below ACK_TIMEOUT_MS, and few ACKs for each message. */
export const ACK_EVERY_MS = 10;
/** Milliseconds in which every SEND gets its outcome; a relay that cannot say by then closes with 4002. */
export const OUTCOME_TIMEOUT_MS = 15 * SECOND;
/** Ids that a client remembers for each sender to recognise duplicates, or those of DEDUPE_MS if they are more. */
export const DEDUPE_IDS = 4096;
/** Milliseconds for which a client remembers ids, or DEDUPE_IDS of them if they are more. */
export const DEDUPE_MS = MINUTE;
/** Milliseconds between two THROTTLE frames of a connection: a hint must not cost more than what it throttles. */
export const THROTTLE_INTERVAL_MS = 100;

// Presence.
/** Peers that a connection may watch, and that one WATCH or UNWATCH may name. */
export const MAX_WATCHED = 256;
/** Milliseconds within which a peer that comes back (a reconnect) was never away. */
export const PRESENCE_GRACE_MS = 2 * SECOND;

// Rooms and tunnels; all but the sizes of frames are configurable defaults.
/** Bytes of one TUNNEL_DATA, so that tunnels and messages take turns on a connection. */
export const MAX_TUNNEL_DATA_BYTES = 64 * KIB;
export const MAX_TUNNEL_META_BYTES = KIB;
/** Milliseconds in which TUNNEL_ACCEPT must answer TUNNEL_OFFER. */
export const TUNNEL_ACCEPT_TIMEOUT_MS = 10 * SECOND;
/** Bytes of one direction that relays and Redis hold together at most: the first credit of a sender. */
export const DEFAULT_TUNNEL_WINDOW_BYTES = MIB;
export const DEFAULT_TUNNELS_PER_CONNECTION = 16;
/** Bytes that one tunnel may carry. */
export const DEFAULT_TUNNEL_BYTES = 10 * GIB;
/** Milliseconds without traffic after which a tunnel is closed. */
export const DEFAULT_TUNNEL_IDLE_MS = 5 * MINUTE;
export const DEFAULT_ROOMS_PER_REALM = 10_000;
export const DEFAULT_ROOM_TTL_MS = 10 * MINUTE;
export const DEFAULT_MAX_ROOM_TTL_MS = 72 * HOUR;
