import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { LostError } from '../transfer/errors.ts';
import type { ByteDuplex } from '../transfer/wire.ts';

/** Two streams of the local side; the end of one must not end the other. */
export interface LocalStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Says that nothing more comes to `output`. */
  readonly endOutput: () => void;
}

/**
 * Carries both directions until both have ended, and passes the end of each on at once.
 * @param cut called once, when one direction has failed: ends the streams of the tunnel, so that the other ends too
 * @throws LostError; what the local side fails with
 */
export async function joinStreams(
  { readable, writable }: ByteDuplex,
  local: LocalStreams,
  cut: (error: unknown) => void,
): Promise<void> {
  const failed = new AbortController();
  const fail = (error: unknown): void => {
    if (failed.signal.aborted) return;
    failed.abort(error);
    cut(error);
  };
  await Promise.all([
    outwards(local.input, writable, failed.signal).catch(fail),
    inwards(readable, local, failed.signal).catch(fail),
  ]);
  failed.signal.throwIfAborted();
}

async function outwards(input: Readable, writable: WritableStream<Uint8Array>, failed: AbortSignal): Promise<void> {
  const writer = writable.getWriter();
  // A terminal or socket may be silent for long, while the tunnel has ended.
  const stop = (): void => void input.destroy();
  writer.closed.catch(stop);
  failed.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of input.iterator({ destroyOnReturn: false })) {
      await writer.ready.catch(lose);
      writer.write(chunk as Uint8Array).catch(() => undefined);
    }
    await writer.close().catch(lose);
  } catch (error) {
    // An input that was stopped fails, too, and that is not the reason.
    await writer.closed.catch(lose);
    throw error;
  } finally {
    failed.removeEventListener('abort', stop);
  }
}

async function inwards(
  readable: ReadableStream<Uint8Array>,
  { output, endOutput }: LocalStreams,
  failed: AbortSignal,
): Promise<void> {
  const reader = readable.getReader();
  const broken = new Promise<never>((_, reject) => output.once('error', reject));
  const over = new Promise<never>((_, reject) => {
    failed.addEventListener('abort', () => reject(failed.reason), { once: true });
  });
  const ended = Promise.race([broken, over]);
  ended.catch(() => undefined);
  for (;;) {
    const { value } = await Promise.race([reader.read().catch(lose), ended]);
    if (value === undefined) break;
    if (!output.write(value)) await Promise.race([once(output, 'drain'), ended]);
  }
  endOutput();
}

function lose(error: unknown): never {
  throw new LostError(error instanceof Error ? error.message : String(error), error);
}
