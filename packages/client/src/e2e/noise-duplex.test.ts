import { describe, expect, it } from 'vitest';
import { type DuplexPair, duplexPair, flipped, readAll, writeAll } from '../../test/duplexes.ts';
import { SecurityError } from '../errors.ts';
import { generateKey } from '../key.ts';
import { utf8 } from './bytes.ts';
import { generateIdentity } from './identity.ts';
import { type NoiseDuplex, type NoiseOptions, noiseDuplex } from './noise-duplex.ts';

const alice = generateIdentity();
const bob = generateIdentity();
const prologue = utf8('realm default');

type End = PromiseSettledResult<NoiseDuplex>;

function handshake(pair: DuplexPair, initiator: Partial<NoiseOptions> = {}, responder: Partial<NoiseOptions> = {}) {
  return Promise.allSettled([
    noiseDuplex(pair.initiator, { role: 'initiator', identity: alice, prologue, ...initiator }),
    noiseDuplex(pair.responder, { role: 'responder', identity: bob, prologue, ...responder }),
  ]);
}

const outcome = (end: End): string =>
  end.status === 'fulfilled' ? 'made' : end.reason instanceof SecurityError ? end.reason.code : String(end.reason);

async function made(...args: Parameters<typeof handshake>): Promise<[NoiseDuplex, NoiseDuplex]> {
  const [initiator, responder] = await handshake(...args);
  if (initiator.status === 'rejected') throw initiator.reason;
  if (responder.status === 'rejected') throw responder.reason;
  return [initiator.value, responder.value];
}

const PATTERNS = [
  { pattern: 'XX', known: {} },
  { pattern: 'IK', known: { remote: bob.publicKey } },
];

describe.each(PATTERNS)('noiseDuplex with $pattern', ({ known }) => {
  it('makes a channel both ways, and tells each end the key of the other', async () => {
    const [initiator, responder] = await made(duplexPair(), known);
    expect([initiator.remote, responder.remote]).toEqual([bob.publicKey, alice.publicKey]);
    expect([initiator.remoteSigner, responder.remoteSigner]).toEqual([null, null]);
    expect(responder.verifier).toBe(initiator.verifier);
    expect(responder.exportKey('x', 16)).toEqual(initiator.exportKey('x', 16));
    const [there, back] = await Promise.all([
      readAll(responder.readable),
      readAll(initiator.readable),
      writeAll(initiator.writable, utf8('there')),
      writeAll(responder.writable, utf8('back')),
    ]);
    expect([there, back].map(({ bytes, error }) => [bytes.toString(), error])).toEqual([
      ['there', null],
      ['back', null],
    ]);
  });

  it('proves at both ends who holds the Ed25519 keys', async () => {
    const [aliceKey, bobKey] = await Promise.all([generateKey(), generateKey()]);
    const [initiator, responder] = await made(
      duplexPair(),
      { ...known, signer: aliceKey, remoteSigner: bobKey.publicKey },
      { signer: bobKey, remoteSigner: aliceKey.publicKey },
    );
    expect([initiator.remoteSigner, responder.remoteSigner]).toEqual([bobKey.publicKey, aliceKey.publicKey]);
  });

  it('refuses who holds another key, names a key that it does not hold, or proves nothing', async () => {
    const [aliceKey, bobKey] = await Promise.all([generateKey(), generateKey()]);
    const expected = { ...known, remoteSigner: bobKey.publicKey };
    const liar = { publicKey: bobKey.publicKey, sign: aliceKey.sign };
    for (const signer of [aliceKey, liar, undefined]) {
      const ends = await handshake(duplexPair(), expected, { signer });
      expect(ends.map(outcome)[0]).toBe('wrong_peer');
    }
    const [, responder] = await handshake(duplexPair(), known, { remoteSigner: aliceKey.publicKey });
    expect(outcome(responder)).toBe('wrong_peer');
    const [, other] = await handshake(duplexPair(), known, { remote: generateIdentity().publicKey });
    expect(outcome(other)).toBe('wrong_peer');
  });

  it('is not made with another prologue', async () => {
    const ends = await handshake(duplexPair(), known, { prologue: utf8('realm other') });
    expect(ends.map(outcome)).toContain('tampered');
    expect(ends.map(outcome)).not.toContain('made');
  });

  it.each([
    { what: 'any byte', every: 1, sign: false },
    { what: 'a byte of a signed one', every: 16, sign: true },
  ])(
    'is not made if $what is changed, or nothing comes through',
    async ({ every, sign }) => {
      const [aliceKey, bobKey] = await Promise.all([generateKey(), generateKey()]);
      const [initiator, responder] = sign ? [{ ...known, signer: aliceKey }, { signer: bobKey }] : [known, {}];
      const passed = { there: 0, back: 0 };
      const counting = (way: keyof typeof passed) => (chunk: Uint8Array, forward: (chunk: Uint8Array) => void) => {
        passed[way] += chunk.length;
        forward(chunk);
      };
      await made(duplexPair(counting('there'), counting('back')), initiator, responder);
      const changes: DuplexPair[] = [];
      for (let at = 0; at < passed.there; at += every) changes.push(duplexPair(flipped(at * 8 + (at % 8))));
      for (let at = 0; at < passed.back; at += every) changes.push(duplexPair(undefined, flipped(at * 8 + (at % 8))));
      expect(changes.length).toBeGreaterThan(20);
      for (const pair of changes) {
        const ends = await handshake(pair, initiator, responder);
        expect(ends.map(outcome)).not.toEqual(['made', 'made']);
        for (const end of ends) {
          if (end.status === 'fulfilled') expect((await readAll(end.value.readable)).bytes.length).toBe(0);
        }
      }
    },
    60_000,
  );

  it('ends both ends when it is aborted', async () => {
    const abort = new AbortController();
    const pair = duplexPair((_chunk, _forward) => abort.abort());
    const ends = await handshake(pair, { ...known, signal: abort.signal });
    expect(ends.map(outcome)).toEqual(['aborted', 'aborted']);
  });
});

describe('noiseDuplex', () => {
  it('does not reach another peer than the one whose key is known', async () => {
    const ends = await handshake(duplexPair(), { remote: generateIdentity().publicKey });
    expect(ends.map(outcome)).toEqual(['tampered', 'tampered']);
  });

  it('does not take a first message that is sent again', async () => {
    const seen: Uint8Array[] = [];
    const listening = duplexPair((chunk, forward) => {
      seen.push(chunk);
      forward(chunk);
    });
    await made(listening, { remote: bob.publicKey });
    const { initiator, responder } = duplexPair();
    const again = noiseDuplex(responder, { role: 'responder', identity: bob, prologue });
    await writeAll(initiator.writable, ...seen);
    await expect(again).rejects.toMatchObject({ code: 'tampered' });
  });

  it('refuses a handshake that it does not know, and keys of another length', async () => {
    const pair = duplexPair((chunk, forward) => forward(chunk.length === 35 ? chunk.with(2, 9) : chunk));
    expect((await handshake(pair)).map(outcome)[1]).toBe('unsupported_version');
    const short = await handshake(duplexPair(), { remote: new Uint8Array(31) });
    expect(short.map(outcome)[0]).toBe('UsageError: a key does not have 32 bytes');
  });
});
