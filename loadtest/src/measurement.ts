import type { LoadResult } from './generator/job.ts';
import type { Generator } from './generator-process.ts';
import { cpuMicroseconds, machineBusyMicroseconds } from './machine/accounting.ts';
import type { Started } from './machine/processes.ts';
import type { Point } from './points.ts';
import type { System } from './systems.ts';

/** One point of one system in one round. */
export interface Measurement extends LoadResult {
  readonly messagesPerSecond: number;
  /** CPU microseconds a message, by process: `node-a`, `redis`, ..., `generator`. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Of all servers on the path and Redis together; idle nodes and the generator are not in it. */
  readonly cpuTotal: number;
  readonly cpuIdleNodes: number;
  /** Calls a message by command, those made inside scripts included; empty without Redis. */
  readonly redisCommands: Readonly<Record<string, number>>;
  readonly redisCommandsTotal: number;
  /** Cores that whatever does not belong to the benchmark took: high values mean a disturbed measurement. */
  readonly foreignCores: number;
}

interface Snapshot {
  readonly at: number;
  /** CPU microseconds of the machine that no process of the benchmark used. */
  readonly foreign: number;
  readonly cpu: ReadonlyMap<string, number>;
  readonly commands: ReadonlyMap<string, number>;
}

export interface Timing {
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** @param all what belongs to the benchmark: more than one system, where they are measured at the same time */
export async function measurePoint(
  system: System,
  generator: Generator,
  point: Point,
  label: string,
  timing: Timing,
  all: readonly Started[] = processesOf(system, generator),
): Promise<Measurement> {
  const { wire, senderPort, receiverPort } = system;
  generator.ask({ type: 'load', wire, label, senderPort, receiverPort, ...point, ...timing });
  await generator.next('open');
  const before = await snapshot(system, generator, all);
  await generator.next('close');
  const after = await snapshot(system, generator, all);
  generator.ask({ type: 'sampled' });
  const { result } = await generator.next('done');
  if (result === null) throw new Error('the generator measured nothing');
  return derive(system, result, before, after);
}

export function processesOf(system: System, generator: Generator): Started[] {
  return [...system.busy, ...system.idle, generator.process];
}

async function snapshot(system: System, generator: Generator, all: readonly Started[]): Promise<Snapshot> {
  const cpu = new Map(processesOf(system, generator).map(({ name, pid }) => [name, cpuMicroseconds(pid)]));
  const at = performance.now();
  const own = all.reduce((sum, { pid }) => sum + cpuMicroseconds(pid), cpuMicroseconds(process.pid));
  const foreign = machineBusyMicroseconds() - own;
  return { at, foreign, cpu, commands: (await system.redis?.commandCalls()) ?? new Map() };
}

/** Rates divided by rates: the runner's snapshots and the generator's window differ by the few ms that IPC takes. */
function derive(system: System, result: LoadResult, before: Snapshot, after: Snapshot): Measurement {
  const messagesPerMs = result.messages / result.windowMs;
  const elapsedMs = after.at - before.at;
  const messages = messagesPerMs * elapsedMs;
  const perMessage = (then: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>) =>
    Object.fromEntries([...now].map(([name, value]) => [name, (value - (then.get(name) ?? 0)) / messages]));
  const cpu = perMessage(before.cpu, after.cpu);
  const redisCommands = perMessage(before.commands, after.commands);
  const total = (processes: System['busy']) => processes.reduce((sum, { name }) => sum + (cpu[name] ?? 0), 0);
  return {
    ...result,
    messagesPerSecond: messagesPerMs * 1000,
    cpu,
    cpuTotal: total(system.busy),
    cpuIdleNodes: total(system.idle),
    redisCommands,
    redisCommandsTotal: Object.values(redisCommands).reduce((sum, calls) => sum + calls, 0),
    foreignCores: Math.max(0, (after.foreign - before.foreign) / (elapsedMs * 1000)),
  };
}
