import type { ByteDuplex } from '../src/e2e/duplex.ts';

/** What happens to the chunks of a direction on their way; by default nothing. */
export type OnWay = (chunk: Uint8Array, forward: (chunk: Uint8Array) => void) => void;

export interface DuplexPair {
  readonly initiator: ByteDuplex;
  readonly responder: ByteDuplex;
}

const asItIs: OnWay = (chunk, forward) => forward(chunk);

/** Two ends in memory. An abort or a cancellation at one end reaches the other, as with a tunnel. */
export function duplexPair(toResponder: OnWay = asItIs, toInitiator: OnWay = asItIs): DuplexPair {
  const there = transform(toResponder);
  const back = transform(toInitiator);
  return {
    initiator: { readable: back.readable, writable: there.writable },
    responder: { readable: there.readable, writable: back.writable },
  };
}

function transform(onWay: OnWay): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({ transform: (chunk, controller) => onWay(chunk, (out) => controller.enqueue(out)) });
}

/** Two ends as those of a tunnel are at the worst: an abort overtakes what is on its way, and says nothing of its cause. */
export function abruptPair(): DuplexPair {
  const there = abrupt();
  const back = abrupt();
  return {
    initiator: { readable: back.readable, writable: there.writable },
    responder: { readable: there.readable, writable: back.writable },
  };
}

function abrupt(): ByteDuplex {
  const end = { read: (_closed: Error): void => undefined, write: (_closed: Error): void => undefined };
  let forward: ReadableStreamDefaultController<Uint8Array> | null = null;
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      forward = controller;
      end.read = (closed) => controller.error(closed);
    },
    cancel: () => end.write(new Error('closed by the other end')),
  });
  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      end.write = (closed) => controller.error(closed);
    },
    write: (chunk) => forward?.enqueue(chunk),
    close: () => forward?.close(),
    abort: () => end.read(new Error('closed by the other end')),
  });
  return { readable, writable };
}

/** Cuts what passes into pieces of these sizes, over and over. */
export function chunked(sizes: readonly number[]): OnWay {
  let next = 0;
  return (chunk, forward) => {
    for (let at = 0; at < chunk.length; ) {
      const size = sizes[next++ % sizes.length] ?? 1;
      forward(chunk.subarray(at, at + size));
      at += size;
    }
  };
}

/** Flips one bit of all the bytes that pass, counted from the first. */
export function flipped(bit: number): OnWay {
  let passed = 0;
  return (chunk, forward) => {
    const changed = chunk.slice();
    const at = Math.floor(bit / 8) - passed;
    if (at >= 0 && at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << (bit % 8));
    passed += chunk.length;
    forward(changed);
  };
}

/** A stream of these bytes in these chunks, which then ends. */
export function readableOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

/** All bytes of a stream, and what it ended with: null for its end, or the error. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<{ bytes: Uint8Array; error: unknown }> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { bytes: Buffer.concat(chunks), error: null };
      chunks.push(value);
    }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error };
  }
}

export async function writeAll(stream: WritableStream<Uint8Array>, ...chunks: readonly Uint8Array[]): Promise<void> {
  const writer = stream.getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
}
