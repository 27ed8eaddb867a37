import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outlet, type OutletSource } from './tunnel-outlet.ts';

const KIB = 1024;

/** Writes `frames` frames of 64 KiB, each filled with its own number. */
class Frames implements OutletSource {
  readonly #mark: number;
  readonly frameBytes: number;
  left: number;

  constructor(mark: number, left: number, frameBytes = 64 * KIB) {
    this.#mark = mark;
    this.left = left;
    this.frameBytes = frameBytes;
  }

  get ready(): boolean {
    return this.left > 0;
  }

  writeFrame(target: Uint8Array, offset: number): number {
    this.left -= 1;
    target.fill(this.#mark, offset, offset + this.frameBytes);
    return offset + this.frameBytes;
  }
}

/** A socket that takes what it is given only when told to. */
class Socket {
  readonly packets: Uint8Array[] = [];
  buffered = 0;
  most = 0;

  write(packet: Uint8Array): void {
    this.packets.push(packet);
    this.buffered += packet.length;
    this.most = Math.max(this.most, this.buffered);
  }

  /** Whose frames came, in order. */
  get marks(): number[] {
    const all = Buffer.concat(this.packets);
    return Array.from({ length: all.length / (64 * KIB) }, (_, i) => all[i * 64 * KIB] ?? -1);
  }
}

let socket: Socket;
let outlet: Outlet;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  socket = new Socket();
  outlet = new Outlet({ write: (packet) => socket.write(packet), buffered: () => socket.buffered });
});

afterEach(() => {
  outlet.clear();
  vi.useRealTimers();
});

describe('Outlet', () => {
  it('lets tunnels take turns', () => {
    // Nothing goes out before all three are there.
    socket.buffered = Number.MAX_SAFE_INTEGER;
    for (const source of [new Frames(1, 4), new Frames(2, 1), new Frames(3, 2)]) outlet.add(source, true);
    socket.buffered = Number.NEGATIVE_INFINITY;
    vi.advanceTimersToNextTimer();
    expect(socket.marks).toEqual([1, 2, 3, 1, 3, 1, 1]);
  });

  it('does not run ahead of the socket, and goes on when that has room', () => {
    const source = new Frames(1, 100);
    outlet.add(source, true);
    while (source.left > 0) {
      const before = source.left;
      vi.advanceTimersByTime(1000);
      expect(source.left).toBe(before);
      socket.buffered = 0;
      vi.advanceTimersToNextTimer();
      expect(source.left).toBeLessThan(before);
    }
    expect(socket.most).toBeLessThanOrEqual(384 * KIB);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('packs what is small together, in a turn of its own', async () => {
    outlet.add(new Frames(1, 3, 100), false);
    outlet.add(new Frames(2, 1, 100), false);
    expect(socket.packets).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(socket.packets.map(({ length }) => length)).toEqual([200, 100, 100]);
  });

  it('skips what is not ready any more, and forgets everything when the connection ends', () => {
    outlet.add(new Frames(1, 0), true);
    expect(socket.packets).toEqual([]);
    socket.buffered = 256 * KIB;
    outlet.add(new Frames(2, 1), true);
    outlet.clear();
    socket.buffered = 0;
    vi.runAllTimers();
    expect(socket.packets).toEqual([]);
  });
});
