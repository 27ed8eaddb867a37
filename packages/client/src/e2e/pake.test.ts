import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { abruptPair, chunked, type DuplexPair, duplexPair, flipped, readAll, writeAll } from '../../test/duplexes.ts';
import { SecurityError } from '../errors.ts';
import { utf8 } from './bytes.ts';
import type { SecureDuplex } from './duplex.ts';
import { type PakeOptions, pakeDuplex } from './pake.ts';

const context = utf8('room default 4821');
/** Bytes of a handshake in each direction, with the lengths of its messages. */
const TO_RESPONDER = 2 + 33 + (2 + 96);
const TO_INITIATOR = 2 + 64 + (2 + 64);

type Ends = [PromiseSettledResult<SecureDuplex>, PromiseSettledResult<SecureDuplex>];

function handshake(pair: DuplexPair, initiator: Partial<PakeOptions> = {}, responder: Partial<PakeOptions> = {}) {
  const both = { secret: 'copper-violin-lake', context };
  return Promise.allSettled([
    pakeDuplex(pair.initiator, { role: 'initiator', ...both, ...initiator }),
    pakeDuplex(pair.responder, { role: 'responder', ...both, ...responder }),
  ]) as Promise<Ends>;
}

const outcome = (end: PromiseSettledResult<SecureDuplex>): string =>
  end.status === 'fulfilled' ? 'made' : end.reason instanceof SecurityError ? end.reason.code : String(end.reason);

async function made(pair: DuplexPair): Promise<[SecureDuplex, SecureDuplex]> {
  const [initiator, responder] = await handshake(pair);
  if (initiator.status === 'rejected') throw initiator.reason;
  if (responder.status === 'rejected') throw responder.reason;
  return [initiator.value, responder.value];
}

describe('pakeDuplex', () => {
  it('makes a channel both ways between ends with the same secret', async () => {
    const [initiator, responder] = await made(duplexPair());
    const [atResponder, atInitiator] = await Promise.all([
      readAll(responder.readable),
      readAll(initiator.readable),
      writeAll(initiator.writable, utf8('hello '), utf8('responder')),
      writeAll(responder.writable, utf8('hello initiator')),
    ]);
    expect(atResponder).toEqual({ bytes: Buffer.from('hello responder'), error: null });
    expect(atInitiator).toEqual({ bytes: Buffer.from('hello initiator'), error: null });
  });

  it('gives both ends the same verifier and exported keys, and others in the next session', async () => {
    const [[initiator, responder], [another]] = await Promise.all([made(duplexPair()), made(duplexPair())]);
    expect(initiator.verifier).toMatch(/^\d{5} \d{5} \d{5}$/);
    expect(responder.verifier).toBe(initiator.verifier);
    expect(another.verifier).not.toBe(initiator.verifier);
    const key = initiator.exportKey('resume', 32);
    expect(key.length).toBe(32);
    expect(responder.exportKey('resume', 32)).toEqual(key);
    expect(responder.exportKey('resumed', 32)).not.toEqual(key);
    expect(another.exportKey('resume', 32)).not.toEqual(key);
    expect(() => initiator.exportKey('resume', 8161)).toThrow('bytes is not a whole number from 1 to 8160');
  });

  it('takes text in any form of Unicode, and bytes', async () => {
    const ends = await handshake(duplexPair(), { secret: 'caf\u00e9' }, { secret: 'cafe\u0301' });
    expect(ends.map(outcome)).toEqual(['made', 'made']);
    const bytes = await handshake(duplexPair(), { secret: 'ab' }, { secret: Uint8Array.of(97, 98) });
    expect(bytes.map(outcome)).toEqual(['made', 'made']);
    expect((await handshake(duplexPair(), { secret: '' })).map(outcome)[0]).toBe('UsageError: secret is empty');
  });

  it('tells both ends when their secrets or contexts differ', async () => {
    const secrets = await handshake(duplexPair(), { secret: 'copper-violin-lamp' });
    expect(secrets.map(outcome)).toEqual(['wrong_code', 'wrong_code']);
    const contexts = await handshake(duplexPair(), { context: utf8('room default 4822') });
    expect(contexts.map(outcome)).toEqual(['wrong_code', 'wrong_code']);
  });

  it('tells them also where an abort would overtake the refusal', async () => {
    const secrets = await handshake(abruptPair(), { secret: 'copper-violin-lamp' });
    expect(secrets.map(outcome)).toEqual(['wrong_code', 'wrong_code']);
  });

  it('does not care how the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
        const [initiator, responder] = await made(duplexPair(chunked(sizes), chunked(sizes)));
        const [read] = await Promise.all([readAll(responder.readable), writeAll(initiator.writable, utf8('hello'))]);
        expect(read).toEqual({ bytes: Buffer.from('hello'), error: null });
      }),
      { numRuns: 15 },
    );
  });

  it('is not made if any byte of the handshake is changed, and no end reads anything', async () => {
    const changes = [
      ...Array.from({ length: TO_RESPONDER }, (_, at) => duplexPair(flipped(at * 8 + (at % 8)))),
      ...Array.from({ length: TO_INITIATOR }, (_, at) => duplexPair(undefined, flipped(at * 8 + (at % 8)))),
    ];
    for (const pair of changes) {
      const ends = await handshake(pair);
      const outcomes = ends.map(outcome);
      expect(outcomes).not.toEqual(['made', 'made']);
      for (const end of ends) {
        if (end.status === 'rejected') continue;
        expect((await readAll(end.value.readable)).bytes.length).toBe(0);
      }
    }
  }, 60_000);

  it('ends both ends at the first message that is none', async () => {
    const pair = duplexPair();
    const ends = await handshake(pair, {}, { role: 'initiator' });
    expect(ends.map(outcome)).toEqual(['tampered', 'tampered']);
    const newer = duplexPair((chunk, forward) => forward(chunk.length === 35 ? chunk.with(2, 2) : chunk));
    expect((await handshake(newer)).map(outcome)[1]).toBe('unsupported_version');
    const neutral = duplexPair((chunk, forward) => forward(chunk.length === 98 ? chunk.fill(0, 2, 34) : chunk));
    expect((await handshake(neutral)).map(outcome)[1]).toBe('tampered');
  });

  it('fails when the streams end or break, with their error', async () => {
    const ended = duplexPair();
    await ended.responder.writable.close();
    const options = { role: 'initiator', secret: 'x', context } as const;
    await expect(pakeDuplex(ended.initiator, options)).rejects.toMatchObject({ code: 'truncated', retryable: true });
    const broken = duplexPair();
    await broken.responder.writable.abort(new Error('peer_gone'));
    await expect(pakeDuplex(broken.initiator, options)).rejects.toThrow('peer_gone');
  });

  it('ends both ends when it is aborted at any message', async () => {
    for (const at of [0, 1, 2, 3, 4]) {
      const abort = new AbortController();
      let messages = 0;
      const count = (chunk: Uint8Array, forward: (chunk: Uint8Array) => void): void => {
        messages++;
        if (messages === at) abort.abort(new Error('enough'));
        forward(chunk);
      };
      if (at === 0) abort.abort(new Error('enough'));
      const pair = duplexPair(count, count);
      const [initiator, responder] = await handshake(pair, { signal: abort.signal });
      expect(initiator).toMatchObject({ reason: { code: 'aborted', cause: { message: 'enough' } } });
      if (responder.status === 'fulfilled') {
        expect((await readAll(responder.value.readable)).error).toMatchObject({ code: 'aborted' });
      }
      expect(at === 0 || messages >= at).toBe(true);
    }
  });

  it('is aborted also where the streams hang', async () => {
    const hanging = {
      readable: new ReadableStream<Uint8Array>(),
      writable: new WritableStream<Uint8Array>({ write: () => new Promise(() => undefined) }),
    };
    const abort = new AbortController();
    const options = { role: 'initiator', secret: 'x', context, signal: abort.signal } as const;
    const waiting = pakeDuplex(hanging, options);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });

  it('no longer listens to the signal once the channel is there', async () => {
    const abort = new AbortController();
    const [initiator, responder] = await handshake(duplexPair(), { signal: abort.signal });
    abort.abort();
    if (initiator.status === 'rejected' || responder.status === 'rejected') throw new Error('not made');
    const [read] = await Promise.all([
      readAll(responder.value.readable),
      writeAll(initiator.value.writable, utf8('still here')),
    ]);
    expect(read.bytes.toString()).toBe('still here');
  });
});
