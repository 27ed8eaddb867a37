import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU time of a process since its start, in microseconds: time on a CPU of all its threads, from the scheduler's
 * accounting (`/proc/<pid>/task/<tid>/schedstat`, first field, nanoseconds).
 */
export function cpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0]);
  }
  return nanoseconds / 1000;
}

/** `/proc/stat` counts in 1/100 s on every architecture that Node runs on. */
const MICROSECONDS_PER_TICK = 10_000;

/** What all cores together did, or lost to other guests of the host, since boot, in microseconds of CPU time. */
export function machineBusyMicroseconds(): number {
  const fields = /^cpu\s+(.+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) * MICROSECONDS_PER_TICK;
}

/** Resident memory of a process in bytes (`VmRSS`). */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`no VmRSS for process ${pid}`);
  return Number(kilobytes) * 1024;
}
