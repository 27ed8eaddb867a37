/** A process of its own for the peers of a storm: what they cost must not stand in the way of who measures. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RelayFrame } from '@causeway/protocol';
import { backoffMs } from '../../../packages/client/src/backoff.ts';
import { connectPeer, type RawPeer } from '../../kit/peer.ts';
import { type FromPeers, type PeerReport, type StormJob, stormPeer, type ToPeers } from './job.ts';

const START_AT_ONCE = 100;

/** Connects again as the client library does: full jitter, and the next relay when one could not be reached. */
class StormPeer {
  readonly name: string;
  isRegistered = false;
  welcomedAt = 0;
  readonly shown = new Set<string>();
  readonly #job: StormJob;
  readonly #urls: readonly string[];
  readonly #isSilent: boolean;
  readonly #after = new Map<string, number>();
  #connection: RawPeer | null = null;
  #lost = false;
  #triedAt = 0;

  constructor(index: number, job: StormJob) {
    const [first, ...others] = job.urls as [string, ...string[]];
    const from = index % others.length;
    this.name = stormPeer(index);
    this.#job = job;
    this.#urls = [first, ...others.slice(from), ...others.slice(0, from)];
    this.#isSilent = index % job.silentEvery === 0;
  }

  get again(): boolean {
    return this.#lost && this.isRegistered;
  }

  async start(): Promise<void> {
    await this.#connect(this.#urls[0] as string);
    void this.#stay();
  }

  report(): PeerReport {
    const { name: peer, welcomedAt } = this;
    return { peer, triedAt: this.#triedAt, welcomedAt, after: [...this.#after], shown: [...this.shown] };
  }

  async #stay(): Promise<void> {
    let at = 0;
    for (let failures = 0; ; failures += 1) {
      await this.#connection?.closed;
      this.#connection = null;
      this.isRegistered = false;
      this.#lost = true;
      await sleep(backoffMs(this.#job.backoff, failures, Math.random));
      this.#triedAt ||= Date.now();
      try {
        await this.#connect(this.#urls[at] as string);
      } catch {
        at = (at + 1) % this.#urls.length;
      }
    }
  }

  async #connect(url: string): Promise<void> {
    const peer = await connectPeer({ url, onFrame: (frame) => this.#onFrame(frame) });
    this.#connection = peer;
    await peer.hello({ peer: this.name });
    this.welcomedAt = Date.now();
    this.isRegistered = true;
  }

  #onFrame(frame: RelayFrame): boolean {
    if (frame.type !== 'deliver') return false;
    const payload = Buffer.from(frame.payload).toString();
    this.shown.add(payload);
    if (this.#lost && !this.#after.has(payload)) this.#after.set(payload, Date.now());
    if (this.#lost || !this.#isSilent) this.#connection?.ack(frame.seq);
    return true;
  }
}

let peers: StormPeer[] = [];
const count = (test: (peer: StormPeer) => boolean): number => peers.filter(test).length;
const answer = (message: FromPeers): void => void process.send?.(message);

async function start(job: StormJob): Promise<void> {
  peers = Array.from({ length: job.peers }, (_, index) => new StormPeer(index, job));
  for (let first = 0; first < peers.length; first += START_AT_ONCE) {
    await Promise.all(peers.slice(first, first + START_AT_ONCE).map((peer) => peer.start()));
  }
}

process.on('message', async (message: ToPeers) => {
  if (message.type === 'start') return start(message);
  if (message.type === 'report') return answer({ type: 'report', peers: peers.map((peer) => peer.report()) });
  answer({
    type: 'status',
    registered: count((peer) => peer.isRegistered),
    again: count((peer) => peer.again),
    shown: peers.reduce((sum, { shown }) => sum + shown.size, 0),
  });
});
process.on('disconnect', () => process.exit());
