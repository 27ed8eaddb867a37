import type { RealmName } from '@causeway/protocol';
import type { Usage } from './shared-ports.ts';
import { type Amounts, addUsage, isNothing, noUsage } from './usage-account.ts';

/** Peers of a realm that one node tells apart in one hour, and those that it tells apart in all. */
export const PEERS_PER_HOUR = 10_000;
export const PEERS_PER_NODE = 100_000;
/** Under this name, which is no peer's, goes what more peers use. */
export const OTHER_PEERS = '';
/** Realms and hours that are kept while the store is away; beyond them the oldest is given up. */
export const MAX_PAGES = 20_000;
/** So that one call does not keep the store busy for long. */
const PEERS_PER_CALL = 500;

/** What is written to the books in one call, again and again until it is answered. */
export interface Batch {
  readonly sequence: number;
  readonly usage: Usage;
  readonly peers: ReadonlyMap<string, Usage>;
}

/** A realm's amounts of one hour that are not in the books yet. */
export class Page {
  readonly realm: RealmName;
  readonly hour: number;
  /** Its outcome is not known. */
  private sent: Batch | null = null;
  /** What came after it. */
  private usage = noUsage();
  private readonly peers = new Map<string, Amounts>();
  private readonly names = new Set<string>();

  constructor(realm: RealmName, hour: number) {
    this.realm = realm;
    this.hour = hour;
  }

  get isSettled(): boolean {
    return this.sent === null && this.peers.size === 0 && isNothing(this.usage);
  }

  /** Peers that are told apart. */
  get peerCount(): number {
    return this.names.size;
  }

  add(usage: Usage): void {
    addUsage(this.usage, usage);
  }

  /** @param room whether the node may tell one more peer apart */
  addPeer(peer: string, usage: Usage, room: boolean): void {
    const isKnown = this.names.has(peer);
    const name = isKnown || (room && this.names.size < PEERS_PER_HOUR) ? peer : OTHER_PEERS;
    if (name !== OTHER_PEERS && !isKnown) this.names.add(peer);
    let sums = this.peers.get(name);
    if (sums === undefined) {
      sums = noUsage();
      this.peers.set(name, sums);
    }
    addUsage(sums, usage);
  }

  /** What is to be written now: the same until `written` is called. */
  batch(nextSequence: () => number): Batch {
    if (this.sent !== null) return this.sent;
    this.sent = { sequence: nextSequence(), usage: this.usage, peers: this.takePeers() };
    this.usage = noUsage();
    return this.sent;
  }

  written(): void {
    this.sent = null;
  }

  private takePeers(): Map<string, Usage> {
    const taken = new Map<string, Usage>();
    for (const [peer, usage] of this.peers) {
      if (taken.size === PEERS_PER_CALL) break;
      taken.set(peer, usage);
      this.peers.delete(peer);
    }
    return taken;
  }
}

/** All pages of a node, bounded in number and in the peers that they tell apart. */
export class Pages {
  private readonly pages = new Map<string, Page>();
  private peers = 0;
  private readonly onGivenUp: (page: Page) => void;

  constructor(onGivenUp: (page: Page) => void) {
    this.onGivenUp = onGivenUp;
  }

  get unsettled(): Page[] {
    return [...this.pages.values()].filter(({ isSettled }) => !isSettled);
  }

  of(realm: RealmName, hour: number): Page {
    const name = `${hour} ${realm}`;
    let page = this.pages.get(name);
    if (page === undefined) {
      if (this.pages.size >= MAX_PAGES) this.giveUpOldest();
      page = new Page(realm, hour);
      this.pages.set(name, page);
    }
    return page;
  }

  addPeer(page: Page, peer: string, usage: Usage): void {
    const before = page.peerCount;
    page.addPeer(peer, usage, this.peers < PEERS_PER_NODE);
    this.peers += page.peerCount - before;
  }

  /** Forgets what has been written; of hours before `hour` also which peers there were. */
  forgetWritten(hour: number): void {
    for (const [name, page] of this.pages) {
      if (page.isSettled && (page.hour < hour || page.peerCount === 0)) this.forget(name, page);
    }
  }

  /** Nothing of hours before `hour` is kept any longer. */
  giveUpBefore(hour: number): void {
    for (const [name, page] of this.pages) {
      if (page.hour >= hour) continue;
      this.forget(name, page);
      if (!page.isSettled) this.onGivenUp(page);
    }
  }

  /** Nothing is lost as long as one has been written. */
  private giveUpOldest(): void {
    for (const [name, page] of this.pages) if (page.isSettled) return this.forget(name, page);
    for (const [name, page] of this.pages) {
      this.forget(name, page);
      return this.onGivenUp(page);
    }
  }

  private forget(name: string, page: Page): void {
    this.pages.delete(name);
    this.peers -= page.peerCount;
  }
}
