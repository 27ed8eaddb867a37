import type { Inbox, Store, Unavailable } from '../../services/relay/src/core/ports.ts';
import type { TunnelStreams } from '../../services/relay/src/core/tunnel-ports.ts';
import type { Rng } from '../kit/rng.ts';
import type { World } from './world.ts';

export interface Faults {
  /** Longest time in milliseconds that a call takes, each way. */
  readonly delayMs: number;
  /** Share of calls that fail before they take effect. */
  readonly lost: number;
  /** Share of calls that take effect, but whose answer is lost. */
  readonly cut: number;
}

/** The node whose store it is: an answer reaches it only while it runs. */
export interface Inside {
  run(call: () => void): void;
  isOut(): boolean;
}

const PORTS = ['directory', 'mailbox', 'ledger', 'links', 'presence', 'membership', 'reaping', 'rooms'] as const;

/**
 * The same store behind a slow and unreliable network. Calls of one node to one port keep no order. During an outage
 * none is answered: one that reaches the store still takes effect if the outage began on its way back.
 */
export function faultyStore(store: Store, world: World, rng: Rng, faults: Faults, { run, isOut }: Inside): Store {
  const wrapped = Object.fromEntries(
    PORTS.map((port) => [
      port,
      new Proxy(store[port], {
        get(target, name) {
          const method = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return (...args: unknown[]) => answered(() => method.apply(target, args));
        },
      }),
    ]),
  );
  function answered<T>(perform: () => Promise<T>): Promise<T | Unavailable> {
    const reply = call(perform);
    return new Promise((resolve) => reply.then((value) => run(() => resolve(value))));
  }
  async function call<T>(perform: () => Promise<T>): Promise<T | Unavailable> {
    if (faults.delayMs > 0) await world.sleep(rng.next() * faults.delayMs);
    if (isOut() || rng.chance(faults.lost)) return { kind: 'unavailable', reason: 'lost' };
    const reply = await perform();
    if (faults.delayMs > 0) await world.sleep(rng.next() * faults.delayMs);
    return isOut() || rng.chance(faults.cut) ? { kind: 'unavailable', reason: 'cut' } : reply;
  }
  const inbox = new Proxy(store.inbox, {
    get(target, name) {
      const method = Reflect.get(target, name);
      if (name !== 'start') return typeof method === 'function' ? method.bind(target) : method;
      return ((node, onEntries) => target.start(node, (entries) => run(() => onEntries(entries)))) as Inbox['start'];
    },
  });
  const tunnels: TunnelStreams = {
    writer: (to, maxBytes) => {
      const writer = store.tunnels.writer(to, maxBytes);
      return { append: (envelope) => answered(() => writer.append(envelope)) };
    },
    start: (node, onEnvelopes) => store.tunnels.start(node, (envelopes) => run(() => onEnvelopes(envelopes))),
    stop: () => store.tunnels.stop(),
  };
  return { ...store, ...wrapped, inbox, tunnels } as Store;
}

/** The store is away for `from` to `to` milliseconds, again and again with `every` in between on average. */
export function outages(world: World, rng: Rng, every: number, from: number, to: number): () => boolean {
  let isOut = false;
  if (every === 0) return () => false;
  function next(): void {
    world.after(every * (0.5 + rng.next()), () => {
      isOut = true;
      world.after(from + rng.next() * (to - from), () => {
        isOut = false;
        next();
      });
    });
  }
  next();
  return () => isOut;
}
