import { encodeFrame, MAX_WATCHED, type PeerId, type PresenceFrame } from '@causeway/protocol';
import { UsageError } from './errors.ts';
import { readPeer } from './options.ts';
import { Signal } from './signal.ts';

export interface WatchOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** Whether a peer is online. */
export interface Presence {
  readonly peer: string;
  readonly online: boolean;
  /** Since when, milliseconds since 1970 on the relay's clock. */
  readonly at: number;
}

/** One `watch`: the latest state of each peer that its iteration has not handed out. */
interface Watcher {
  readonly peers: ReadonlySet<PeerId>;
  readonly news: Map<PeerId, Presence>;
  /** What was handed out last, to leave out what a new connection repeats. */
  readonly told: Map<PeerId, boolean>;
}

export interface WatchListHandlers {
  write(packet: Uint8Array): void;
}

/** The peers that the application watches, kept watched over reconnects. */
export class WatchList {
  readonly #handlers: WatchListHandlers;
  readonly #watchers = new Set<Watcher>();
  /** How many watchers each peer has. */
  readonly #counts = new Map<PeerId, number>();
  readonly #latest = new Map<PeerId, Presence>();
  readonly #changed = new Signal();
  #open = false;
  #finished: { readonly error: Error | null } | null = null;

  constructor(handlers: WatchListHandlers) {
    this.#handlers = handlers;
  }

  started(): void {
    this.#finished = null;
  }

  opened(): void {
    this.#open = true;
    this.#tell('watch', [...this.#counts.keys()]);
  }

  closed(): void {
    this.#open = false;
  }

  finished(error: Error | null): void {
    this.#finished = { error };
    this.#changed.notify();
  }

  onPresence({ peer, online, at }: PresenceFrame): void {
    if (!this.#counts.has(peer)) return;
    const presence = { peer, online, at };
    this.#latest.set(peer, presence);
    for (const watcher of this.#watchers) {
      if (watcher.peers.has(peer)) watcher.news.set(peer, presence);
    }
    this.#changed.notify();
  }

  /** @throws UsageError `bad_peer`; and from the iteration `watch_limit` beyond 256 watched peers */
  watch(peers: readonly string[], options: WatchOptions): AsyncGenerator<Presence, void, undefined> {
    const watcher: Watcher = { peers: new Set(peers.map(readPeer)), news: new Map(), told: new Map() };
    return this.#iterate(watcher, options.signal);
  }

  async *#iterate(watcher: Watcher, signal: AbortSignal | undefined): AsyncGenerator<Presence, void, undefined> {
    this.#begin(watcher);
    const wake = (): void => this.#changed.notify();
    signal?.addEventListener('abort', wake, { once: true });
    try {
      while (!signal?.aborted) {
        if (this.#finished?.error) throw this.#finished.error;
        if (this.#finished) return;
        const news = nextOf(watcher);
        if (news) yield news;
        else await this.#changed.next();
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      this.#end(watcher);
    }
  }

  #begin(watcher: Watcher): void {
    const added = [...watcher.peers].filter((peer) => !this.#counts.has(peer));
    if (this.#counts.size + added.length > MAX_WATCHED) {
      throw new UsageError('watch_limit', `at most ${MAX_WATCHED} peers can be watched at once`);
    }
    for (const peer of watcher.peers) {
      this.#counts.set(peer, (this.#counts.get(peer) ?? 0) + 1);
      const latest = this.#latest.get(peer);
      if (latest) watcher.news.set(peer, latest);
    }
    this.#watchers.add(watcher);
    this.#tell('watch', added);
  }

  #end(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    const gone: PeerId[] = [];
    for (const peer of watcher.peers) {
      const count = (this.#counts.get(peer) ?? 0) - 1;
      if (count > 0) {
        this.#counts.set(peer, count);
        continue;
      }
      this.#counts.delete(peer);
      this.#latest.delete(peer);
      gone.push(peer);
    }
    this.#tell('unwatch', gone);
  }

  #tell(type: 'watch' | 'unwatch', peers: PeerId[]): void {
    if (this.#open && peers.length > 0) this.#handlers.write(encodeFrame({ type, peers }));
  }
}

function nextOf(watcher: Watcher): Presence | null {
  for (const [peer, presence] of watcher.news) {
    watcher.news.delete(peer);
    if (watcher.told.get(peer) === presence.online) continue;
    watcher.told.set(peer, presence.online);
    return presence;
  }
  return null;
}
