import { equalBytes } from '@noble/ciphers/utils.js';
import { concatBytes } from '@noble/hashes/utils.js';
import type { ClientKey } from '../credentials.ts';
import { SecurityError, UsageError } from '../errors.ts';
import { lengthPrefixed, utf8 } from './bytes.ts';
import type { ByteDuplex, Role, SecureDuplex } from './duplex.ts';
import { runHandshake } from './handshake.ts';
import { KEY_BYTES, type KeyPair, PROOF_BYTES, signClaim, signerOfClaim } from './identity.ts';
import { NoiseHandshake, OVERHEAD, type Pattern } from './noise.ts';
import { secureDuplex } from './records.ts';
import { deriveSession, PROTOCOL, type Session } from './schedule.ts';
import type { Wire } from './wire.ts';

const CODE: Readonly<Record<Pattern, number>> = { XX: 1, IK: 2 };
const EMPTY = new Uint8Array(0);

export interface NoiseOptions {
  readonly role: Role;
  readonly identity: KeyPair;
  /** What both ends know to be the same, such as the realm and their ids: with another one the handshake fails. */
  readonly prologue: Uint8Array;
  /** The static key that the other end must have. An initiator that knows it saves half a round trip (IK, else XX). */
  readonly remote?: Uint8Array | undefined;
  /** Proves to the other end that this one holds this Ed25519 key: the `key` of the client. */
  readonly signer?: ClientKey | undefined;
  /** The Ed25519 key that the other end must prove to hold: `keyOfPeerId` of a peer in a realm with the policy `key`. */
  readonly remoteSigner?: Uint8Array | undefined;
  /** Ends the handshake, not the channel that came of it. */
  readonly signal?: AbortSignal | undefined;
}

export interface NoiseDuplex extends SecureDuplex {
  /** The static key of the other end, which it has proved to hold. */
  readonly remote: Uint8Array;
  /** The Ed25519 key that the other end has proved to hold, where it did. */
  readonly remoteSigner: Uint8Array | null;
}

/** A handshake under way. */
interface Run {
  readonly wire: Wire;
  readonly options: NoiseOptions;
  readonly noise: NoiseHandshake;
  readonly pattern: Pattern;
}

/**
 * Makes an encrypted channel between two ends with static keys, by Noise XX or IK. Without `remote` and `remoteSigner` it
 * is safe against those who listen; against those who change bytes only if somebody looks at `remote`, `remoteSigner` or
 * the verifier afterwards.
 *
 * The streams are locked for good; on any failure both directions of them end.
 * @throws SecurityError `wrong_peer` where the other end is not the one of `remote` or `remoteSigner`; the other codes for
 * what was no such handshake
 * @throws UsageError `bad_option` for a key that does not have 32 bytes
 */
export function noiseDuplex(duplex: ByteDuplex, options: NoiseOptions): Promise<NoiseDuplex> {
  return runHandshake(duplex, options.signal, async (wire) => {
    for (const key of [options.identity.publicKey, options.identity.secretKey, options.remote, options.remoteSigner]) {
      if (key !== undefined && key.length !== KEY_BYTES)
        throw new UsageError('bad_option', 'a key does not have 32 bytes');
    }
    return options.role === 'initiator' ? initiate(wire, options) : respond(wire, options);
  });
}

async function initiate(wire: Wire, options: NoiseOptions): Promise<NoiseDuplex> {
  const pattern = options.remote === undefined ? 'XX' : 'IK';
  const run: Run = { wire, options, pattern, noise: start(pattern, options) };
  const { noise } = run;
  const first = noise.writeMessage(pattern === 'IK' ? await prove(run) : EMPTY);
  await wire.sendMessage(concatBytes(Uint8Array.of(CODE[pattern]), first));
  const hash = noise.hash;
  const proof = read(run, await wire.receiveMessage(...lengths(pattern, 1)));
  const remoteSigner = check(run, proof, hash);
  if (pattern === 'XX') await wire.sendMessage(noise.writeMessage(await prove(run)));
  const session = finish(noise);
  // In IK the responder knows only now that the first message was not an old one, sent again by somebody else.
  if (pattern === 'IK') await wire.sendMessage(session.confirmation('initiator'));
  return { ...secureDuplex(wire, 'initiator', session), remote: noise.remote, remoteSigner };
}

async function respond(wire: Wire, options: NoiseOptions): Promise<NoiseDuplex> {
  const [xx = 0] = lengths('XX', 0);
  const [code, ...first] = await wire.receiveMessage(1 + xx, ...lengths('IK', 0).map((length) => 1 + length));
  const pattern = code === CODE.IK ? 'IK' : 'XX';
  if (code !== CODE[pattern]) {
    throw new SecurityError('unsupported_version', `the other end begins with the unknown handshake ${code}`);
  }
  const run: Run = { wire, options, pattern, noise: start(pattern, options) };
  const { noise } = run;
  let hash = noise.hash;
  let proof = read(run, Uint8Array.from(first));
  let remoteSigner = pattern === 'IK' ? check(run, proof, hash) : null;
  await wire.sendMessage(noise.writeMessage(await prove(run)));
  if (pattern === 'XX') {
    hash = noise.hash;
    proof = read(run, await wire.receiveMessage(...lengths(pattern, 2)));
    remoteSigner = check(run, proof, hash);
  }
  const session = finish(noise);
  if (pattern === 'IK') {
    const confirmation = await wire.receiveMessage(KEY_BYTES);
    if (!equalBytes(confirmation, session.confirmation('initiator'))) throw notAuthentic();
  }
  return { ...secureDuplex(wire, 'responder', session), remote: noise.remote, remoteSigner };
}

function start(pattern: Pattern, { role, identity, prologue, remote }: NoiseOptions): NoiseHandshake {
  const bound = lengthPrefixed(utf8(PROTOCOL), utf8(pattern), prologue);
  return new NoiseHandshake({
    pattern,
    role,
    identity,
    prologue: bound,
    remote: role === 'initiator' ? remote : undefined,
  });
}

/** With or without the proof of a signer as its payload. */
function lengths(pattern: Pattern, message: number): number[] {
  const overhead = OVERHEAD[pattern][message] ?? 0;
  return [overhead, overhead + PROOF_BYTES];
}

async function prove({ options: { role, identity, signer }, noise }: Run): Promise<Uint8Array> {
  if (signer === undefined) return EMPTY;
  return signClaim(signer, { role, identity: identity.publicKey, hash: noise.hash });
}

/** @throws SecurityError `tampered` */
function read({ noise }: Run, message: Uint8Array): Uint8Array {
  try {
    return noise.readMessage(message);
  } catch (error) {
    throw notAuthentic(error);
  }
}

/**
 * Whether the other end, whose keys have come with its proof, is the one that was asked for.
 * @returns its signer
 * @throws SecurityError `wrong_peer`
 */
function check({ options, noise }: Run, proof: Uint8Array, hash: Uint8Array): Uint8Array | null {
  const role = options.role === 'initiator' ? 'responder' : 'initiator';
  const signer = proof.length === 0 ? null : signerOfClaim(proof, { role, identity: noise.remote, hash });
  if (proof.length > 0 && signer === null)
    throw new SecurityError('wrong_peer', 'the other end does not hold the key it names');
  const { remote, remoteSigner } = options;
  if (remote !== undefined && !equalBytes(remote, noise.remote)) {
    throw new SecurityError('wrong_peer', 'the other end has another static key than the one expected');
  }
  if (remoteSigner !== undefined && (signer === null || !equalBytes(remoteSigner, signer))) {
    throw new SecurityError('wrong_peer', 'the other end has not proved to hold the key expected');
  }
  return signer;
}

function finish(noise: NoiseHandshake): Session {
  const keys = noise.split();
  const session = deriveSession(concatBytes(...keys), noise.hash);
  for (const key of keys) key.fill(0);
  return session;
}

function notAuthentic(cause?: unknown): SecurityError {
  return new SecurityError('tampered', 'a handshake message is not authentic: changed, or made for another key', cause);
}
