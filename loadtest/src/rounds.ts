import { Generator } from './generator-process.ts';
import { type IdleMeasurement, measureIdle } from './idle.ts';
import { type Measurement, measurePoint, type Timing } from './measurement.ts';
import { type Point, pointName, pointsOf, type SystemName } from './points.ts';
import { startSystem } from './systems.ts';
import { measureTunnels, type TunnelMeasurement } from './tunnels.ts';

export interface Plan {
  readonly rounds: number;
  readonly timing: Timing;
  readonly systems: readonly SystemName[];
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

/** Brings a fresh system's code to its compiled form before the first point. */
const PREHEAT: Point = { payloadBytes: 256, pairs: 50, load: { kind: 'closed', window: 8 } };
const PREHEAT_TIMING: Timing = { warmupMs: 500, measureMs: 1500 };

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
    for (const system of plan.systems) {
      const points = pointsOf(system).filter((point) => plan.wants(system, point));
      if (points.length === 0) continue;
      await attempt(system, () =>
        runSystem(system, points, plan.timing, (point, measurement) => {
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

async function runSystem(
  name: SystemName,
  points: readonly Point[],
  timing: Timing,
  measured: (point: Point, measurement: Measurement) => void,
): Promise<void> {
  const system = await startSystem(name);
  const generator = new Generator();
  try {
    await measurePoint(system, generator, PREHEAT, 'preheat', PREHEAT_TIMING);
    for (const [index, point] of points.entries()) {
      measured(point, await measurePoint(system, generator, point, `p${index}`, timing));
    }
  } finally {
    await generator.process.stop();
    await system.stop();
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
