import fc from 'fast-check';
import {
  asPeerId,
  asRealm,
  type Frame,
  type FrameOf,
  type FrameTypeName,
  type MessageId,
  messageId,
  type NodeId,
  type PeerId,
  type RealmName,
  ReceiptStatus,
} from '../src/index.ts';

const uint = fc.maxSafeNat();
const u32 = fc.nat(0xffffffff);
const text = fc.string({ unit: 'binary', maxLength: 24 });
// Short, since comparing them is most of the work; the vectors hold the long ones.
const bytes = fc.uint8Array({ maxLength: 48 });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const meta = bytes;

export const idArbitrary: fc.Arbitrary<MessageId> = fc
  .oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n),
  )
  .map(messageId);

export const peerArbitrary: fc.Arbitrary<PeerId> = fc
  .oneof(
    fc.stringMatching(/^[a-z0-9-]{1,128}$/),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.constantFrom('\ufeffbob', 'p'.repeat(128), 'é'.repeat(64), '🚢'.repeat(32)),
  )
  .filter((candidate) => asPeerId(candidate) !== null)
  .map((candidate) => candidate as PeerId);

const realm = fc
  .stringMatching(/^[a-z0-9._-]{1,64}$/)
  .filter((candidate) => asRealm(candidate) !== null)
  .map((candidate) => candidate as RealmName);
const node = text.map((candidate) => candidate as NodeId);
const peers = fc.array(peerArbitrary, { maxLength: 4 });
const status = fc.constantFrom(...Object.values(ReceiptStatus));
const ref = uint;

type FieldsOf<Name extends FrameTypeName> = {
  [Key in keyof Omit<FrameOf<Name>, 'type'>]-?: fc.Arbitrary<
    Exclude<FrameOf<Name>[Key & keyof FrameOf<Name>], undefined>
  >;
};

/** The arbitrary of a frame whose keys other than `optional` are there always. */
function frame<Name extends FrameTypeName>(
  type: Name,
  fields: FieldsOf<Name>,
  optional: (keyof FieldsOf<Name>)[] = [],
): fc.Arbitrary<Frame> {
  const requiredKeys = Object.keys(fields).filter((key) => !optional.includes(key as keyof FieldsOf<Name>));
  return fc
    .record(fields as Record<string, fc.Arbitrary<unknown>>, { requiredKeys, noNullPrototype: true })
    .map((value) => ({ type, ...value }) as unknown as Frame);
}

const record = { noNullPrototype: true } as const;
const reservation = fc.record(
  {
    ttlMs: uint,
    expiresAt: uint,
    renewed: fc.boolean(),
    limits: fc.record({ messagesPerSecond: uint, bytesPerSecond: uint }, { ...record, requiredKeys: [] }),
  },
  record,
);
const auth = fc.record(
  { scheme: fc.constantFrom('none', 'token', 'key'), token: text, publicKey: bytes },
  { ...record, requiredKeys: ['scheme'] },
);

/** Every frame type. SEND always has an id and a recipient, RECEIPT only statuses with names. */
export const FRAME_ARBITRARIES: { readonly [Name in FrameTypeName]: fc.Arbitrary<Frame> } = {
  hello: frame(
    'hello',
    {
      v: fc.constant(1),
      realm,
      peer: peerArbitrary,
      auth: auth as fc.Arbitrary<NonNullable<FrameOf<'hello'>['auth']>>,
      resume: exactly(32),
      attempt: uint,
      client: text,
      traceparent: text,
    },
    ['peer', 'auth', 'resume', 'attempt', 'client', 'traceparent'],
  ),
  challenge: frame('challenge', { nonce: exactly(32), node }),
  proof: frame('proof', { signature: exactly(64) }),
  welcome: frame(
    'welcome',
    {
      peer: peerArbitrary,
      realm,
      node,
      region: text,
      epoch: uint,
      heartbeatMs: uint,
      maxPayload: uint,
      sendWindow: uint,
      queued: uint,
      reservation,
      serverTime: uint,
    },
    ['region'],
  ),
  error: frame('error', { code: text, message: text, ref, retryAfterMs: uint }, ['ref', 'retryAfterMs']),
  goaway: frame('goaway', { reason: text, reconnectAfterMs: uint, urls: fc.array(text, { maxLength: 4 }) }),
  ping: frame('ping', { data: exactly(8) }),
  pong: frame('pong', { data: exactly(8) }),
  send: frame('send', { id: idArbitrary, flags: fc.nat(255), to: peerArbitrary, payload: bytes }),
  deliver: frame('deliver', { seq: u32, id: idArbitrary, flags: fc.nat(255), from: peerArbitrary, payload: bytes }),
  ack: frame('ack', { seq: u32 }),
  receipt: frame('receipt', {
    receipts: fc.array(fc.record({ id: idArbitrary, status }, record), { minLength: 1, maxLength: 8 }),
  }),
  throttle: frame('throttle', { scope: fc.constantFrom('peer', 'realm', 'cluster', 'node'), retryAfterMs: uint }),
  watch: frame('watch', { peers }),
  unwatch: frame('unwatch', { peers }),
  presence: frame('presence', { peer: peerArbitrary, online: fc.boolean(), at: uint }),
  room_create: frame('room_create', { ref, ttlMs: uint }, ['ttlMs']),
  room_created: frame('room_created', { ref, code: text, expiresAt: uint }),
  room_join: frame('room_join', { ref, code: text }),
  tunnel_connect: frame('tunnel_connect', { ref, to: peerArbitrary, meta }, ['meta']),
  tunnel_offer: frame('tunnel_offer', { tunnel: uint, from: peerArbitrary, meta }, ['meta']),
  tunnel_accept: frame('tunnel_accept', { tunnel: uint, accept: fc.boolean(), reason: text }, ['reason']),
  tunnel_open: frame('tunnel_open', { ref, tunnel: uint, peer: peerArbitrary, credit: uint }, ['ref']),
  tunnel_data: frame('tunnel_data', { tunnel: u32, bytes }),
  tunnel_credit: frame('tunnel_credit', { tunnel: u32, bytes: u32 }),
  tunnel_end: frame('tunnel_end', { tunnel: u32 }),
  tunnel_close: frame('tunnel_close', { tunnel: uint, reason: text }),
};
