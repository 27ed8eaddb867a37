import { isTemporary, ReceiptStatus, type RelayFrame, SendFlag } from '@causeway/protocol';
import type { PolicyDocument } from '../../../services/relay/src/core/policy.ts';
import { connectTo } from '../../contract/implementation.ts';
import { connectPeer, peerId, type RawPeer } from '../../kit/peer.ts';
import type { RedisDeployment } from '../../kit/redis.ts';
import { waitFor } from '../../kit/wait.ts';

/** Writes the policy as the next version. */
export async function setPolicy(redis: RedisDeployment, document: PolicyDocument): Promise<void> {
  const store = connectTo(redis.url);
  try {
    await waitFor(
      async () => {
        const known = await store.documents.versions();
        if (known.kind !== 'versions') return false;
        const change = { text: JSON.stringify(document), by: 'test', note: '' };
        return (await store.documents.write('policy', known.versions.policy, change)).kind === 'written';
      },
      { what: 'the policy is written' },
    );
  } finally {
    await store.close();
  }
}

export interface SenderOptions {
  readonly url: string;
  readonly realm: string;
  readonly peer: string;
  /** Messages without a receipt at most. */
  readonly window: number;
  readonly bytes?: number;
}

/** When messages of a realm were receipted as carried on, by the clock of this process. */
export class Tally {
  readonly times: number[] = [];

  /** Messages receipted between two times. */
  between(from: number, to: number): number {
    return this.times.reduce((sum, at) => sum + (at >= from && at < to ? 1 : 0), 0);
  }

  /** The least and the most of all windows of so many milliseconds, at steps of 100 ms. */
  extremes(from: number, to: number, ms: number): { least: number; most: number } {
    let least = Infinity;
    let most = 0;
    for (let at = from; at + ms <= to; at += 100) {
      const count = this.between(at, at + ms);
      least = Math.min(least, count);
      most = Math.max(most, count);
    }
    return { least, most };
  }
}

/** A client that always wants to send more to a peer of its realm at the same relay, and waits as it is told to. */
export class Saturating {
  readonly refusedBy = new Set<string>();
  readonly #options: SenderOptions;
  readonly #tally: Tally;
  readonly #payload: Uint8Array;
  #peers: RawPeer[] = [];
  #sender: RawPeer | null = null;
  #nextId = 1;
  #underWay = 0;
  #refused = false;
  #hintMs = 100;
  #active = false;

  constructor(options: SenderOptions, tally: Tally) {
    this.#options = options;
    this.#tally = tally;
    this.#payload = new Uint8Array(options.bytes ?? 16);
  }

  async connect(): Promise<this> {
    const { url, realm, peer } = this.#options;
    const sink = await connectPeer({ url, autoAck: true, onFrame: (frame) => frame.type === 'deliver' });
    await sink.hello({ realm, peer: `${peer}-sink` });
    this.#sender = await connectPeer({ url, onFrame: (frame) => this.#take(frame) });
    await this.#sender.hello({ realm, peer });
    this.#peers = [sink, this.#sender];
    return this;
  }

  /** Sends from now on, until `pause`. */
  resume(): void {
    if (this.#active) return;
    this.#active = true;
    if (this.#underWay === 0) this.#fill();
  }

  pause(): void {
    this.#active = false;
  }

  stop(): void {
    this.pause();
    for (const peer of this.#peers) peer.terminate();
  }

  #take(frame: RelayFrame): boolean {
    if (frame.type === 'throttle') {
      this.#hintMs = frame.retryAfterMs;
      this.refusedBy.add(frame.scope);
      return true;
    }
    if (frame.type !== 'receipt') return false;
    for (const { status } of frame.receipts) {
      this.#underWay -= 1;
      if (isTemporary(status)) this.#refused = true;
      else if (status === ReceiptStatus.delivered) this.#tally.times.push(performance.now());
    }
    // The hint comes right behind the receipt of what was refused.
    if (!this.#refused) this.#fill();
    else if (this.#underWay === 0) setImmediate(() => setTimeout(() => this.#fill(), this.#hintMs));
    return true;
  }

  #fill(): void {
    if (!this.#active) return;
    const frames = [];
    while (this.#underWay < this.#options.window) {
      const flags = this.#refused ? SendFlag.afterRefusal : 0;
      this.#refused = false;
      frames.push({
        type: 'send' as const,
        id: this.#nextId,
        flags,
        to: peerId(`${this.#options.peer}-sink`),
        payload: this.#payload,
      });
      this.#nextId += 1;
      this.#underWay += 1;
    }
    if (frames.length > 0) this.#sender?.send(...frames);
  }
}
