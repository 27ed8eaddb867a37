import type { Socket } from 'node:net';

/** One direction of a proxied connection: bytes leave in the order in which they came. */
export interface Lane {
  pause(): void;
  resume(): void;
}

export interface LaneSettings {
  delayMs(): number;
  readonly paused: boolean;
}

interface Held {
  /** null stands for the end of the stream. */
  readonly bytes: Buffer | null;
  /** Milliseconds, performance.now(). */
  readonly due: number;
}

/** `admit` sees every chunk as it comes and may refuse it. */
export function startLane(from: Socket, to: Socket, settings: LaneSettings, admit: (bytes: Buffer) => boolean): Lane {
  const held: Held[] = [];
  let timer: NodeJS.Timeout | undefined;
  let { paused } = settings;

  function pass(bytes: Buffer | null): void {
    if (to.destroyed) return;
    if (bytes === null) to.end();
    else if (!to.write(bytes)) from.pause();
  }

  function drain(): void {
    clearTimeout(timer);
    while (!paused && held[0] !== undefined) {
      const wait = held[0].due - performance.now();
      if (wait > 0) {
        timer = setTimeout(drain, Math.ceil(wait));
        return;
      }
      pass((held.shift() as Held).bytes);
    }
  }

  function hold(bytes: Buffer | null): void {
    held.push({ bytes, due: performance.now() + settings.delayMs() });
    drain();
  }

  from.on('data', (bytes) => {
    if (admit(bytes)) hold(bytes);
  });
  from.once('end', () => hold(null));
  from.once('close', () => from.destroyed && to.destroyed && clearTimeout(timer));
  to.on('drain', () => {
    if (!paused) from.resume();
  });
  if (paused) from.pause();

  return {
    pause() {
      paused = true;
      clearTimeout(timer);
      from.pause();
    },
    resume() {
      paused = false;
      drain();
      if (!to.writableNeedDrain) from.resume();
    },
  };
}
