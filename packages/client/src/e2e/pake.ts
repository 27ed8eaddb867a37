import { equalBytes } from '@noble/ciphers/utils.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { SecurityError, UsageError } from '../errors.ts';
import { lengthPrefixed, randomBytes, utf8 } from './bytes.ts';
import {
  calculateGenerator,
  confirmationTag,
  intermediateKey,
  SHARE_BYTES,
  type Share,
  sampleScalar,
  scalarMult,
  scalarMultVerify,
  TAG_BYTES,
} from './cpace.ts';
import type { ByteDuplex, Role, SecureDuplex } from './duplex.ts';
import { runHandshake } from './handshake.ts';
import { secureDuplex } from './records.ts';
import { deriveSession, PROTOCOL, type Session } from './schedule.ts';
import type { Wire } from './wire.ts';

const SUITE = 'CPACE-RISTR255-SHA512';
const VERSION = 1;
const NONCE_BYTES = 32;
/** In place of the last message: the secrets differ. */
const REFUSAL = new Uint8Array(0);
/** How long an end that refuses waits for the other to have read it. */
const REFUSAL_MS = 5000;

export interface PakeOptions {
  readonly role: Role;
  /** May be short, like the words of a room's code. Text counts in its composed form (NFC). */
  readonly secret: Uint8Array | string;
  /** What both ends know to be the same, such as the realm and the room: with another one the handshake fails. */
  readonly context: Uint8Array;
  /** Ends the handshake, not the channel that came of it. */
  readonly signal?: AbortSignal | undefined;
}

/** What is fixed before the first byte. */
interface Setting {
  readonly secret: Uint8Array;
  readonly context: Uint8Array;
}

/**
 * Makes an encrypted channel between two ends that share a secret, by CPace. Who is between them has one guess at the
 * secret for each handshake, and what was recorded is of no use for guessing.
 *
 *     initiator                          responder
 *         version, nonce          ->
 *                                 <-     nonce, share
 *         share, confirmation     ->
 *                                 <-     confirmation, or nothing: refused
 *
 * The session id is both nonces. The streams are locked for good; on any failure both directions of them end.
 * @throws SecurityError `wrong_code` at both ends where the secrets or contexts differ; the other codes for what was no
 * such handshake
 * @throws UsageError `bad_option` for an empty secret
 */
export function pakeDuplex(duplex: ByteDuplex, options: PakeOptions): Promise<SecureDuplex> {
  const { role, signal } = options;
  return runHandshake(duplex, signal, async (wire) => {
    const setting = readSetting(options);
    const session = role === 'initiator' ? await initiate(wire, setting) : await respond(wire, setting);
    return secureDuplex(wire, role, session);
  });
}

function readSetting({ secret, context }: PakeOptions): Setting {
  const bytes = typeof secret === 'string' ? utf8(secret.normalize('NFC')) : secret;
  if (bytes.length === 0) throw new UsageError('bad_option', 'secret is empty');
  return { secret: bytes, context: lengthPrefixed(utf8(PROTOCOL), utf8(SUITE), context) };
}

async function initiate(wire: Wire, setting: Setting): Promise<Session> {
  const nonce = randomBytes(NONCE_BYTES);
  await wire.sendMessage(concatBytes(Uint8Array.of(VERSION), nonce));

  const [responderNonce, point] = splitAt(NONCE_BYTES, await wire.receiveMessage(NONCE_BYTES + SHARE_BYTES));
  const sessionId = concatBytes(nonce, responderNonce);
  const { scalar, own } = makeShare('initiator', setting, sessionId);
  const other: Share = { point, data: utf8('responder') };
  const isk = intermediateKey(sessionId, sharedPoint(scalar, point), own, other);
  await wire.sendMessage(concatBytes(own.point, confirmationTag(sessionId, isk, own)));

  const confirmation = await wire.receiveMessage(TAG_BYTES, REFUSAL.length);
  if (!equalBytes(confirmation, confirmationTag(sessionId, isk, other))) throw wrongCode();
  return finish(isk, sessionId);
}

async function respond(wire: Wire, setting: Setting): Promise<Session> {
  const hello = await wire.receiveMessage(1 + NONCE_BYTES);
  if (hello[0] !== VERSION) {
    throw new SecurityError(
      'unsupported_version',
      `the other end speaks version ${hello[0] ?? 'none'} of the handshake`,
    );
  }
  const [, initiatorNonce] = splitAt(1, hello);
  const nonce = randomBytes(NONCE_BYTES);
  const sessionId = concatBytes(initiatorNonce, nonce);
  const { scalar, own } = makeShare('responder', setting, sessionId);
  await wire.sendMessage(concatBytes(nonce, own.point));

  const [point, confirmation] = splitAt(SHARE_BYTES, await wire.receiveMessage(SHARE_BYTES + TAG_BYTES));
  const other: Share = { point, data: utf8('initiator') };
  const isk = intermediateKey(sessionId, sharedPoint(scalar, point), other, own);
  if (!equalBytes(confirmation, confirmationTag(sessionId, isk, other))) {
    await refuse(wire);
    throw wrongCode();
  }
  await wire.sendMessage(confirmationTag(sessionId, isk, own));
  return finish(isk, sessionId);
}

function makeShare(role: Role, { secret, context }: Setting, sessionId: Uint8Array): { scalar: bigint; own: Share } {
  const scalar = sampleScalar();
  const point = scalarMult(scalar, calculateGenerator(secret, context, sessionId));
  return { scalar, own: { point, data: utf8(role) } };
}

function sharedPoint(scalar: bigint, point: Uint8Array): Uint8Array {
  const shared = scalarMultVerify(scalar, point);
  if (shared === null) throw new SecurityError('tampered', 'the share of the other end is not a valid one');
  return shared;
}

function finish(isk: Uint8Array, sessionId: Uint8Array): Session {
  const session = deriveSession(isk, sessionId);
  isk.fill(0);
  return session;
}

function splitAt(border: number, message: Uint8Array): [Uint8Array, Uint8Array] {
  return [message.subarray(0, border), message.subarray(border)];
}

/**
 * Says so to the other end, and waits until it has closed: ending both directions at once could overtake the refusal, and
 * the other end would not know why.
 */
async function refuse(wire: Wire): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, REFUSAL_MS);
  });
  const read = async (): Promise<void> => {
    await wire.sendMessage(REFUSAL);
    await wire.close();
    await wire.take(1);
  };
  // However this ends, the answer stays: the code is wrong.
  await Promise.race([late, read().catch(() => undefined)]);
  clearTimeout(timer);
}

function wrongCode(): SecurityError {
  return new SecurityError('wrong_code', 'the two ends do not have the same code, or the handshake was changed');
}
