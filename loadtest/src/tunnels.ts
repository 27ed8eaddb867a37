import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_TUNNEL_WINDOW_BYTES } from '@causeway/protocol';
import type { BulkJob } from './generator/job.ts';
import { Generator } from './generator-process.ts';
import { freePorts, startNode, untilListening } from './machine/processes.ts';
import { startRedis } from './machine/redis.ts';
import { measurePoint, type Timing } from './measurement.ts';
import type { Point } from './points.ts';
import { type System, startSystem } from './systems.ts';

/** Bytes a second of one direction, and what a tunnel does to messages beside it. */
export interface TunnelMeasurement {
  readonly chunkBytes: number;
  /** A bare uWebSockets.js that sends back what comes, and a tunnel on one node. */
  readonly echo: number;
  readonly oneNode: number;
  /** XADD and XREAD alone, with one chunk under way and with as many bytes as a tunnel has; a tunnel between two nodes. */
  readonly streamsPlain: number;
  readonly streamsWindow: number;
  readonly twoNodes: number;
  /** 99th percentile of messages between the same two nodes, microseconds: without the tunnel, and with it at full speed. */
  readonly p99Without: number | null;
  readonly p99With: number | null;
}

const ECHO = new URL('./servers/echo.ts', import.meta.url);
const STREAMS = new URL('./servers/streams.ts', import.meta.url);
export const CHUNK_BYTES = [16_384, 65_536] as const;
/** Few enough not to be a load themselves, and spread evenly. */
const MESSAGES: Point = { payloadBytes: 256, pairs: 10, load: { kind: 'open', perSecond: 500 } };
/** A relay that has just started moves half of what it does when its code is compiled; all are measured after as long. */
const PREHEAT_MS = 4000;
/** The tunnel begins before the messages and ends behind them. */
const LEAD_MS = 500;

export async function measureTunnels(chunkBytes: number, timing: Timing): Promise<TunnelMeasurement> {
  const warm = { ...timing, warmupMs: timing.warmupMs + PREHEAT_MS };
  const echo = await measureEcho(chunkBytes, warm);
  const oneNode = await withSystem('causeway-1', (system, generator) =>
    measureBulk(system, generator, chunkBytes, warm),
  );
  const streamsPlain = await measureStreams(chunkBytes, chunkBytes, warm);
  const streamsWindow = await measureStreams(chunkBytes, DEFAULT_TUNNEL_WINDOW_BYTES, warm);
  const two = await withSystem('causeway-2', async (system, generator) => {
    const twoNodes = await measureBulk(system, generator, chunkBytes, warm);
    const p99Without = (await measurePoint(system, generator, MESSAGES, 'alone', timing)).p99;
    return { twoNodes, p99Without, p99With: await besideBulk(system, generator, chunkBytes, timing) };
  });
  return { chunkBytes, echo, oneNode, streamsPlain, streamsWindow, ...two };
}

async function withSystem<T>(
  name: 'causeway-1' | 'causeway-2',
  measure: (system: System, generator: Generator) => Promise<T>,
): Promise<T> {
  const system = await startSystem(name);
  const generator = new Generator();
  try {
    return await measure(system, generator);
  } finally {
    await generator.process.stop();
    await system.stop();
  }
}

async function measureEcho(chunkBytes: number, timing: Timing): Promise<number> {
  const [port = 0] = await freePorts(1);
  const server = startNode('echo', ECHO, [String(port)]);
  const generator = new Generator();
  try {
    await untilListening(server);
    const job = { wire: 'echo', senderPort: port, receiverPort: port, chunkBytes, label: 'echo' } as const;
    return await runBulk(generator, { type: 'bulk', ...job, ...timing });
  } finally {
    await generator.process.stop();
    await server.stop();
  }
}

function measureBulk(system: System, generator: Generator, chunkBytes: number, timing: Timing): Promise<number> {
  return runBulk(generator, { ...bulkJob(system, 'bulk', chunkBytes), ...timing });
}

function bulkJob({ senderPort, receiverPort }: System, label: string, chunkBytes: number) {
  return { type: 'bulk', wire: 'tunnel', label, senderPort, receiverPort, chunkBytes } as const;
}

async function runBulk(generator: Generator, job: BulkJob): Promise<number> {
  generator.ask(job);
  await generator.next('open');
  await generator.next('close');
  generator.ask({ type: 'sampled' });
  return (await generator.next('moved')).result.bytesPerSecond;
}

/** A tunnel at full speed between the two nodes, and messages between the same two. */
async function besideBulk(
  system: System,
  generator: Generator,
  chunkBytes: number,
  { warmupMs, measureMs }: Timing,
): Promise<number | null> {
  const bulk = new Generator();
  try {
    const long = warmupMs + measureMs + 2 * LEAD_MS;
    bulk.ask({ ...bulkJob(system, 'beside', chunkBytes), warmupMs: LEAD_MS, measureMs: long });
    await bulk.next('open');
    await sleep(LEAD_MS);
    return (await measurePoint(system, generator, MESSAGES, 'beside', { warmupMs, measureMs })).p99;
  } finally {
    await bulk.process.stop();
  }
}

async function measureStreams(
  chunkBytes: number,
  windowBytes: number,
  { warmupMs, measureMs }: Timing,
): Promise<number> {
  const redis = await startRedis();
  const numbers = [chunkBytes, windowBytes, warmupMs, measureMs].map(String);
  const mover = startNode('streams', STREAMS, [redis.url, ...numbers]);
  try {
    const { stdout } = mover.child;
    if (stdout === null) throw new Error('the streams have no output');
    const [line] = await once(stdout, 'data');
    return (JSON.parse(String(line)) as { bytesPerSecond: number }).bytesPerSecond;
  } finally {
    await mover.stop();
    await redis.stop();
  }
}
