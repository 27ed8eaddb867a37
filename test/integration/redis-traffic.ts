import { expect } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { Reader } from '../kit/reader.ts';
import type { Relay } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { numbered, range, type TestCluster } from './fixture.ts';

/** More than the relays carry while a test runs. */
const PLENTY = numbered(100_000);
const WINDOW = 8;

/** Pairs of peers on different nodes that never stop sending, each over one connection from its beginning to its end. */
export class CrossTraffic {
  readonly flows: readonly Flow[];
  readonly readers: readonly Reader[];
  readonly #cluster: TestCluster;

  constructor(cluster: TestCluster, pairs: number, name: string) {
    this.#cluster = cluster;
    this.readers = range(1, pairs).map((pair) => cluster.keep(new Reader({ peer: `${name}-reader-${pair}` })));
    this.flows = range(1, pairs).map((pair) => {
      const url = cluster.url(pair % cluster.relays.length);
      const [from, to] = [`${name}-sender-${pair}`, `${name}-reader-${pair}`];
      return cluster.keep(new Flow({ url, from, to, payloads: PLENTY, window: WINDOW }));
    });
  }

  async start(): Promise<this> {
    const { relays, url } = this.#cluster;
    await Promise.all(this.readers.map((reader, index) => reader.connect(url(index % relays.length))));
    await Promise.all(this.flows.map((flow) => flow.start()));
    await this.untilMore();
    return this;
  }

  /** Resolves when each pair has carried further messages: behind a fault it shows that everything works again. */
  async untilMore(messages = 50): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.until(reader.shown.length + messages)));
  }

  /** Stops sending, and expects every message to have its outcome and to have been shown, once and in order. */
  async finish(): Promise<void> {
    const counts = this.flows.map((flow) => flow.end());
    await Promise.all(this.flows.map((flow) => flow.finish()));
    await Promise.all(this.readers.map((reader, index) => reader.until(counts[index] as number)));
    for (const [index, flow] of this.flows.entries()) {
      const reader = this.readers[index] as Reader;
      expect(reader.shown.map(({ id }) => id)).toEqual(range(1, counts[index] as number));
      expect([reader.faults, flow.faults]).toEqual([[], []]);
      expect(flow.count('delivered') + flow.count('queued')).toBe(counts[index]);
    }
  }
}

/** Why the relay is not ready; empty when it is. */
export async function reasons({ adminUrl }: Relay): Promise<string> {
  const response = await fetch(`${adminUrl}/health/ready`);
  if (response.status === 200) return '';
  const { reasons: given } = (await response.json()) as { reasons: string[] };
  return given.join('; ');
}

/** Polls until one of the relays is not ready for such a reason. */
export async function untilNotReady(relays: readonly Relay[], reason: RegExp): Promise<void> {
  const check = async () => (await Promise.all(relays.map(reasons))).some((text) => reason.test(text));
  await waitFor(check, { what: `a relay is not ready: ${reason}`, timeoutMs: 20_000 });
}

export async function untilAllReady(relays: readonly Relay[]): Promise<void> {
  const check = async () => {
    const all = await Promise.all(relays.map(reasons));
    if (all.every((text) => text === '')) return true;
    throw new Error(all.join(' | '));
  };
  await waitFor(check, { what: 'all relays are ready', timeoutMs: 30_000 });
}
