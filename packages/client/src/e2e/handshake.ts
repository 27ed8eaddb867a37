import { SecurityError } from '../errors.ts';
import type { ByteDuplex } from './duplex.ts';
import { Wire } from './wire.ts';

/**
 * Runs a handshake over the streams. Whatever it ends with other than success ends both directions of them.
 * @param signal ends it at once, also where a stream hangs
 */
export async function runHandshake<T>(
  duplex: ByteDuplex,
  signal: AbortSignal | undefined,
  run: (wire: Wire) => Promise<T>,
): Promise<T> {
  const wire = new Wire(duplex);
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      const error = new SecurityError('aborted', 'the handshake was aborted', signal?.reason);
      wire.destroy(error);
      reject(error);
    };
  });
  try {
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    return await Promise.race([aborted, run(wire)]);
  } catch (error) {
    wire.destroy(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
