import { SecurityError } from '../errors.ts';
import { HEADER_BYTES, MAX_PLAINTEXT_BYTES, RECORD, RecordCipher, readHeader } from './cipher.ts';
import type { Role, SecureDuplex } from './duplex.ts';
import type { Session } from './schedule.ts';
import type { Wire } from './wire.ts';

const NOTHING = new Uint8Array(0);

/** The channel over streams of which both ends have done the handshake. */
export function secureDuplex(wire: Wire, role: Role, session: Session): SecureDuplex {
  const { initiator, responder } = session.keys;
  const [own, other] = role === 'initiator' ? [initiator, responder] : [responder, initiator];
  return {
    readable: decrypted(wire, new RecordCipher(other)),
    writable: encrypted(wire, new RecordCipher(own)),
    verifier: session.verifier,
    exportKey: session.exportKey,
  };
}

function encrypted(wire: Wire, cipher: RecordCipher): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(controller) {
      // Also while nothing is being written: a writer that only waits must learn that the channel is over.
      wire.writableClosed.catch((error) => controller.error(error));
    },
    async write(chunk) {
      for (let at = 0; at < chunk.length; at += MAX_PLAINTEXT_BYTES) {
        await wire.write(cipher.seal(RECORD.data, chunk.subarray(at, at + MAX_PLAINTEXT_BYTES)));
      }
    },
    async close() {
      await wire.write(cipher.seal(RECORD.end, NOTHING));
      await wire.close();
    },
    abort(reason) {
      wire.destroy(reason);
    },
  });
}

function decrypted(wire: Wire, cipher: RecordCipher): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const content = await nextContent(wire, cipher);
          if (content === null) controller.close();
          else controller.enqueue(content);
        } catch (error) {
          wire.destroy(error);
          throw error;
        }
      },
      cancel: (reason) => wire.cancel(reason),
    },
    // Nothing is decrypted ahead of who reads, so that their pace is that of the streams below.
    { highWaterMark: 0 },
  );
}

/** The next bytes, or null at the end that the other end has sealed. */
async function nextContent(wire: Wire, cipher: RecordCipher): Promise<Uint8Array | null> {
  for (;;) {
    const header = await takeOrFail(wire, HEADER_BYTES);
    const record = readHeader(header);
    if (record === null) throw tampered('a record has a header that none can have');
    const content = cipher.open(header, await takeOrFail(wire, record.bodyBytes));
    if (content === null) throw tampered('a record was changed, repeated, left out or moved');
    if (record.type === RECORD.end) return nothingMore(wire);
    if (content.length > 0) return content;
  }
}

async function takeOrFail(wire: Wire, count: number): Promise<Uint8Array> {
  const bytes = await wire.take(count);
  if (bytes === null) throw new SecurityError('truncated', 'the bytes ended before the other end said so');
  return bytes;
}

/** All that was sent has come; so a stream that breaks only now is as good as one that ends. */
async function nothingMore(wire: Wire): Promise<null> {
  const more = await wire.take(1).catch(() => null);
  if (more !== null) throw tampered('there are bytes behind the end');
  return null;
}

function tampered(message: string): SecurityError {
  return new SecurityError('tampered', message);
}
