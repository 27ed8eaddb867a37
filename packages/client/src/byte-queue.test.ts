import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

describe('ByteQueue', () => {
  it('gives back the bytes that it took, whatever the pieces', () => {
    const piece = fc.uint8Array({ maxLength: 40_000 });
    const step = fc.oneof(
      piece.map((bytes) => ({ push: bytes })),
      fc.nat(50_000).map((count) => ({ move: count })),
      fc.constant({ take: true }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const queue = new ByteQueue();
        const pushed: Uint8Array[] = [];
        const taken: Uint8Array[] = [];
        for (const one of steps) {
          if ('push' in one) {
            const reused = one.push.slice();
            queue.push(reused);
            reused.fill(0);
            pushed.push(one.push);
          } else if ('move' in one) {
            const target = new Uint8Array(one.move);
            taken.push(target.subarray(0, queue.moveTo(target)));
          } else {
            taken.push(queue.take() ?? new Uint8Array(0));
          }
        }
        const [all, before] = [Buffer.concat(pushed), Buffer.concat(taken)];
        expect(queue.size).toBe(all.length - before.length);
        const rest = new Uint8Array(queue.size);
        expect(queue.moveTo(rest)).toBe(rest.length);
        expect(Buffer.concat([before, rest]).equals(all)).toBe(true);
      }),
    );
  });

  it('takes no memory for each small piece', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 16 * 1024; i++) queue.push(Uint8Array.of(i));
    expect(queue.take()).toHaveLength(16 * 1024);
    expect(queue.take()).toBeUndefined();
  });

  it('hands its memory over: what comes later does not touch it', () => {
    const queue = new ByteQueue();
    queue.push(Uint8Array.of(1));
    const taken = queue.take();
    queue.push(Uint8Array.of(2));
    expect(taken).toEqual(Uint8Array.of(1));
    expect(queue.take()).toEqual(Uint8Array.of(2));
  });
});
