import { Generator } from './generator-process.ts';
import { type IdleMeasurement, measureIdle } from './idle.ts';
import { type Measurement, measurePoint, processesOf, type Timing } from './measurement.ts';
import { type Point, pointName, pointsOf, type SystemName } from './points.ts';
import { type System, startSystem } from './systems.ts';
import { measureTunnels, type TunnelMeasurement } from './tunnels.ts';

export interface Plan {
  readonly rounds: number;
  readonly timing: Timing;
  readonly systems: readonly SystemName[];
  /** All systems of a round at the same time, which is for ratios of CPU: whatever the machine does meets all of them alike. */
  readonly atOnce: boolean;
  readonly wants: (system: SystemName, point: Point) => boolean;
  /** 0: leave the idle connections out. */
  readonly idleConnections: number;
  /** Bytes of the chunks with which tunnels are measured. */
  readonly tunnelChunks: readonly number[];
}

export interface Sample {
  readonly round: number;
  readonly system: SystemName;
  readonly point: string;
  readonly measurement: Measurement;
}

export interface Samples {
  readonly loads: Sample[];
  readonly idle: IdleMeasurement[];
  readonly tunnels: TunnelMeasurement[];
  readonly failures: string[];
}

/** Above this, a line of progress says that something else ran. */
const DISTURBED_CORES = 0.2;

/**
 * Brings a fresh system's code to its compiled form before the first point. What is done for one message of a hundred is
 * compiled last: in two seconds it is not, and costs several times what it does later.
 */
const PREHEAT: Point = { payloadBytes: 256, pairs: 50, load: { kind: 'closed', window: 8 } };
const PREHEAT_TIMING: Timing = { warmupMs: 500, measureMs: 5000 };

/** Runs every system once in each round, one at a time. What fails is reported, and the rest goes on. */
export async function runRounds(plan: Plan, progress: (line: string) => void): Promise<Samples> {
  const samples: Samples = { loads: [], idle: [], tunnels: [], failures: [] };
  for (let round = 1; round <= plan.rounds; round++) {
    const prefix = `round ${round}/${plan.rounds}`;
    const attempt = async (what: string, run: () => Promise<void>) => {
      try {
        await run();
      } catch (error) {
        const failure = `${prefix} ${what}: ${error instanceof Error ? error.message : String(error)}`;
        samples.failures.push(failure);
        progress(`FAILED ${failure}`);
      }
    };
    for (const systems of groupsOf(plan, round)) {
      await attempt(systems.join(', '), () =>
        runSystems(systems, plan, (system, point, measurement) => {
          samples.loads.push({ round, system, point: pointName(point), measurement });
          progress(`${prefix} ${system.padEnd(10)} ${pointName(point).padEnd(31)} ${inShort(measurement)}`);
        }),
      );
    }
    for (const chunkBytes of plan.tunnelChunks) {
      await attempt(`tunnels, ${chunkBytes} B`, async () => {
        const tunnels = await measureTunnels(chunkBytes, plan.timing);
        samples.tunnels.push(tunnels);
        progress(`${prefix} ${tunnelsInShort(tunnels)}`);
      });
    }
    if (plan.idleConnections > 0) {
      await attempt('idle', async () => {
        const idle = await measureIdle(plan.idleConnections);
        samples.idle.push(idle);
        const bytes = `${Math.round(idle.relayBytes)} B in the relay, ${Math.round(idle.redisBytes)} B in Redis each`;
        progress(`${prefix} ${idle.connections} idle connections: ${bytes}`);
      });
    }
  }
  return samples;
}

/** What runs at the same time. Every other round goes backwards, so that none of two always comes first. */
export function groupsOf({ systems, wants, atOnce }: Plan, round: number): SystemName[][] {
  const wanted = systems.filter((system) => pointsOf(system).some((point) => wants(system, point)));
  if (round % 2 === 0) wanted.reverse();
  if (!atOnce) return wanted.map((system) => [system]);
  return wanted.length === 0 ? [] : [wanted];
}

interface Running {
  readonly name: SystemName;
  readonly system: System;
  readonly generator: Generator;
}

async function runSystems(
  names: readonly SystemName[],
  { wants, timing }: Plan,
  measured: (name: SystemName, point: Point, measurement: Measurement) => void,
): Promise<void> {
  const running: Running[] = [];
  try {
    for (const name of names) running.push({ name, system: await startSystem(name), generator: new Generator() });
    const all = running.flatMap(({ system, generator }) => processesOf(system, generator));
    const measure = ({ system, generator }: Running, point: Point, label: string, how: Timing) =>
      measurePoint(system, generator, point, label, how, all);
    const { warmupMs, measureMs } = PREHEAT_TIMING;
    const preheat = { warmupMs, measureMs: measureMs * names.length };
    await Promise.all(running.map((one) => measure(one, PREHEAT, 'preheat', preheat)));
    const points = new Map(names.flatMap(pointsOf).map((point) => [pointName(point), point]));
    for (const [index, point] of [...points.values()].entries()) {
      const loaded = running.filter(({ name }) => wants(name, point) && pointsOf(name).includes(point));
      const measurements = loaded.map(async (one) => {
        return { name: one.name, measurement: await measure(one, point, `p${index}`, timing) };
      });
      for (const { name, measurement } of await Promise.all(measurements)) measured(name, point, measurement);
    }
  } finally {
    for (const { generator } of running) await generator.process.stop();
    await Promise.all(running.map(({ system }) => system.stop()));
  }
}

function tunnelsInShort(tunnels: TunnelMeasurement): string {
  const { chunkBytes, echo, oneNode, streamsPlain, streamsWindow, twoNodes, p99Without, p99With } = tunnels;
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB/s`;
  const one = `echo ${mb(echo)}, tunnel ${mb(oneNode)}`;
  const two = `streams ${mb(streamsPlain)} and ${mb(streamsWindow)}, tunnel ${mb(twoNodes)}`;
  return `tunnels, ${chunkBytes} B: ${one}; ${two}; p99 of messages ${p99Without} -> ${p99With} us`;
}

function inShort(measurement: Measurement): string {
  const { messagesPerSecond, p50, p99, cpuTotal, cpu, lost, outOfOrder, foreignCores } = measurement;
  const flaws = lost + outOfOrder > 0 ? `, ${lost} LOST, ${outOfOrder} OUT OF ORDER` : '';
  const costs = `CPU ${cpuTotal.toFixed(1)} us/msg (generator ${(cpu.generator ?? 0).toFixed(1)})`;
  const disturbed =
    foreignCores > DISTURBED_CORES ? `, disturbed: ${foreignCores.toFixed(1)} cores taken by others` : '';
  return `${Math.round(messagesPerSecond)} msg/s, p50 ${p50} us, p99 ${p99} us, ${costs}${disturbed}${flaws}`;
}
