import type { ByteDuplex } from '../src/transfer/wire.ts';

export interface LinkOptions {
  /** Sizes of the chunks that arrive, in turns; default: as they were written. */
  readonly chunks?: readonly number[];
  /** Bytes of the first end's direction after which both are lost. */
  readonly cutAfter?: number;
}

export interface Link {
  readonly ends: readonly [ByteDuplex, ByteDuplex];
  /** Bytes that went from the first end to the second. */
  readonly carried: () => number;
  /** Loses what is on its way, in both directions. */
  cut(): void;
}

/** Two ends of a stream in memory. */
export function linked({ chunks = [], cutAfter = Number.POSITIVE_INFINITY }: LinkOptions = {}): Link {
  let carried = 0;
  const controllers: TransformStreamDefaultController<Uint8Array>[] = [];
  const cut = (): void => {
    for (const controller of controllers) controller.error(new Error('the stream was cut'));
  };
  const direction = (onBytes: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> =>
    new TransformStream({
      start: (controller) => void controllers.push(controller),
      transform: (chunk, controller) => {
        onBytes(chunk.length);
        for (const part of split(chunk, chunks)) controller.enqueue(part);
      },
    });
  const there = direction((bytes) => {
    carried += bytes;
    if (carried > cutAfter) cut();
  });
  const back = direction(() => undefined);
  return {
    ends: [
      { readable: back.readable, writable: there.writable },
      { readable: there.readable, writable: back.writable },
    ],
    carried: () => carried,
    cut,
  };
}

function* split(chunk: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  if (sizes.length === 0) {
    yield chunk.slice();
    return;
  }
  for (let at = 0, turn = 0; at < chunk.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    yield chunk.slice(at, at + size);
    at += size;
  }
}
