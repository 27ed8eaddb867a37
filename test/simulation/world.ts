import type { Clock, Log, Timers } from '../../services/relay/src/core/clock.ts';

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly call: () => void;
}

/** Virtual time: timers fire in the order of their time, and no real time passes between them. */
export class World implements Clock, Timers {
  private time = 1_750_000_000_000;
  private order = 0;
  private alarms: Alarm[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, call: () => void): () => void {
    this.order += 1;
    const alarm = { at: this.time + ms, order: this.order, call };
    let low = 0;
    let high = this.alarms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.alarms[middle] as Alarm;
      if (other.at < alarm.at || (other.at === alarm.at && other.order < alarm.order)) low = middle + 1;
      else high = middle;
    }
    this.alarms.splice(low, 0, alarm);
    return () => {
      const index = this.alarms.indexOf(alarm);
      if (index >= 0) this.alarms.splice(index, 1);
    };
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.alarms.length;
  }

  soon(call: () => void): void {
    setImmediate(call);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Runs until `done`, at most for `ms` of virtual time. */
  async run(ms: number, done: () => boolean): Promise<boolean> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      if (done()) return true;
      const next = this.alarms[0];
      if (next === undefined || next.at > end) {
        this.time = Math.max(this.time, end);
        return false;
      }
      this.alarms.shift();
      this.time = Math.max(this.time, next.at);
      next.call();
    }
  }
}

/** Lets everything happen that needs no time to pass. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
};
