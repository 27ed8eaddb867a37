import { TunnelError } from './errors.ts';

export function aborted(signal: AbortSignal | undefined): TunnelError {
  return new TunnelError('aborted', 'aborted', { cause: signal?.reason });
}

/**
 * The promise's outcome. When `signal` aborts first, `giveUp` is called with the TunnelError `aborted`, which must
 * settle the promise.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  giveUp: (error: TunnelError) => void,
): Promise<T> {
  const abort = (): void => giveUp(aborted(signal));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
