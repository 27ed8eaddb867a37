import { cpuMicroseconds, machineBusyMicroseconds, residentBytes } from './accounting.ts';

const EVERY_MS = 500;

/** What the processes of one kind took. */
export interface Used {
  /** Seconds on a CPU, of all together, while it was looked at. */
  readonly cpuSeconds: number;
  /** The most resident memory that they had at one time. */
  readonly peakMiB: number;
}

export interface Taken {
  readonly used: Readonly<Record<string, Used>>;
  /** Cores that all of them took together, and what else ran: near 0 on a quiet machine. */
  readonly cores: number;
  readonly otherCores: number;
}

/** CPU and memory of processes by kind, looked at until they or this end. */
export class Usage {
  readonly #kinds: ReadonlyMap<string, readonly number[]>;
  readonly #first = new Map<number, number>();
  readonly #last = new Map<number, number>();
  readonly #peaks = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #began = performance.now();
  readonly #busy = machineBusyMicroseconds();

  /** @param kinds pids by the name of their kind */
  constructor(kinds: Readonly<Record<string, readonly number[]>>) {
    this.#kinds = new Map(Object.entries(kinds));
    this.#look();
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  #look(): void {
    for (const [kind, pids] of this.#kinds) {
      const resident = pids.reduce((sum, pid) => sum + this.#lookAt(pid), 0);
      this.#peaks.set(kind, Math.max(resident, this.#peaks.get(kind) ?? 0));
    }
  }

  /** @returns resident bytes; 0 for a process that has ended */
  #lookAt(pid: number): number {
    try {
      const cpu = cpuMicroseconds(pid);
      if (!this.#first.has(pid)) this.#first.set(pid, cpu);
      // A thread takes its time along when it ends.
      this.#last.set(pid, Math.max(cpu, this.#last.get(pid) ?? 0));
      return residentBytes(pid);
    } catch (error) {
      // Gone, or about to be: a process that ends has no memory before it has no folder.
      if (/ENOENT|ESRCH|no VmRSS/.test(String(error))) return 0;
      throw error;
    }
  }

  /** Ends the looking. */
  end(): Taken {
    clearInterval(this.#timer);
    this.#look();
    const took = (pid: number): number => (this.#last.get(pid) ?? 0) - (this.#first.get(pid) ?? 0);
    const all = [...this.#kinds].map(([kind, pids]) => {
      const cpuSeconds = pids.reduce((sum, pid) => sum + took(pid), 0) / 1e6;
      return { kind, cpuSeconds, peakMiB: Math.round((this.#peaks.get(kind) ?? 0) / 2 ** 20) };
    });
    const seconds = (performance.now() - this.#began) / 1000;
    const ours = all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    const busy = (machineBusyMicroseconds() - this.#busy) / 1e6;
    return {
      used: Object.fromEntries(
        all.map(({ kind, cpuSeconds, peakMiB }) => [kind, { cpuSeconds: rounded(cpuSeconds), peakMiB }]),
      ),
      cores: rounded(ours / seconds),
      otherCores: rounded(Math.max(0, busy - ours) / seconds),
    };
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}
