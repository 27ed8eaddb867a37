import { parentPort, workerData } from 'node:worker_threads';

/**
 * Wakes its parent every `workerData.everyMs` with the time at which it was meant to, in milliseconds since 1970 (each
 * thread's `performance.now()` has an origin of its own). A thread of its own because timers of Node have a resolution of 1 ms,
 * and a loop that spins would take the core that the system under test needs.
 */
const { everyMs } = workerData as { everyMs: number };
const sleeper = new Int32Array(new SharedArrayBuffer(4));

for (let next = performance.now() + everyMs; ; next += everyMs) {
  Atomics.wait(sleeper, 0, 0, Math.max(0, next - performance.now()));
  parentPort?.postMessage(performance.timeOrigin + next);
}
