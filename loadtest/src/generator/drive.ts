import { Worker } from 'node:worker_threads';
import type { Connection } from './connection.ts';
import type { Pair, Tally } from './pair.ts';

/** Makes pairs send until it is stopped. */
export interface Driver {
  stop(): Promise<void>;
}

/** The grid on which open-loop messages leave: coarse enough that waking for it costs little. */
const TICK_MS = 1;

/** Each pair keeps `window` messages undelivered. */
export function driveClosed(pairs: readonly Pair[], receivers: readonly Connection[], window: number): Driver {
  let running = true;
  pairs.forEach((pair, index) => {
    const refill = () => {
      const room = window - pair.undelivered;
      if (running && room > 0) pair.send(room, performance.now());
    };
    (receivers[index] as Connection).onChunkEnd = refill;
    refill();
  });
  return {
    async stop() {
      running = false;
    },
  };
}

/**
 * `perSecond` messages in all, the pairs in turn, at times fixed beforehand on a grid of a millisecond. A message that
 * leaves late, because the system or the generator was busy, still counts from its intended time: no coordinated
 * omission.
 */
export function driveOpen(pairs: readonly Pair[], perSecond: number, tally: Tally): Driver {
  const intervalMs = 1000 / perSecond;
  const everyMs = Math.max(TICK_MS, intervalMs);
  let started: number | null = null;
  let next = 0;
  const ticker = new Worker(new URL('./ticker.ts', import.meta.url), { workerData: { everyMs } });
  ticker.on('message', (tick: number) => {
    const intended = tick - performance.timeOrigin;
    started ??= intended;
    const late = (performance.now() - intended) * 1e6;
    // Half an interval of tolerance, for the rounding of sums of floating-point steps.
    for (; (next - 0.5) * intervalMs <= intended - started; next++) {
      (pairs[next % pairs.length] as Pair).send(1, intended);
      if (tally.measuring) tally.lateness.record(late);
    }
  });
  return {
    async stop() {
      await ticker.terminate();
    },
  };
}
