import type { Clock, Log, Timers } from './clock.ts';
import { otherUrls, sendAway } from './drain.ts';
import type { InboxReader } from './inbox-reader.ts';
import type { Members } from './members.ts';
import type { NodeLinks } from './node-links.ts';
import type { Store } from './ports.ts';
import type { RealmAccounts } from './realm-accounts.ts';
import type { Reaper } from './reaper.ts';
import type { Registry } from './registry.ts';
import { Retry } from './retry.ts';
import type { Session } from './session.ts';
import type { Settings } from './settings.ts';
import type { Tenancy } from './tenancy.ts';
import type { Tunnels } from './tunnels/tunnels.ts';

const WARN_AFTER_MS = 1000;
/** Redis may start after its relays. */
const OPEN_FOR_MS = 30_000;
const LOOK_AGAIN_MS = 20;
const CLOSE_AGAIN_MS = 100;
export const SHUTTING_DOWN = 'the relay is shutting down';

export interface NodeLifeDeps {
  readonly settings: Settings;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly members: Members;
  readonly reaper: Reaper;
  readonly links: NodeLinks;
  readonly inbox: InboxReader;
  readonly registry: Registry;
  readonly accounts: RealmAccounts;
  readonly tenancy: Tenancy;
  readonly tunnels: Tunnels;
  readonly sessions: () => Iterable<Session>;
  /** What is done again and again while the node lives: how often, in milliseconds, and what. */
  readonly tasks: readonly (readonly [ms: number, call: () => void])[];
  /** Clients begin to be sent away. */
  readonly onDraining: () => void;
  /** The store may have lost what it had confirmed: everything that this node has told it is to be told again. */
  readonly onStoreLost: () => void;
  readonly onFenced: () => void;
}

/** How a node comes, goes, and is cut off: its inbox is opened first and removed last. */
export class NodeLife {
  private readonly deps: NodeLifeDeps;
  private readonly cancels: (() => void)[] = [];
  /** The inbox is open: other nodes may hand things to this one. */
  private joined = false;
  private draining = false;
  /** The inbox takes no messages any more. */
  private closing = false;
  /** It has left, or the others have declared it dead. */
  private ended = false;

  constructor(deps: NodeLifeDeps) {
    this.deps = deps;
  }

  get isDraining(): boolean {
    return this.draining;
  }

  /** Opens the inbox, begins to read it, and joins the cluster. Rejects when the store can't be reached for 30 s. */
  async start(): Promise<void> {
    this.joined = await this.openInbox();
    if (!this.joined) return;
    await this.deps.members.start();
    if (this.draining || this.ended) return;
    this.deps.inbox.start();
    this.deps.tunnels.start();
    this.deps.tenancy.start();
    for (const [ms, call] of this.deps.tasks) this.every(ms, call);
  }

  /** False: the node was stopped before the store could be reached. */
  private async openInbox(): Promise<boolean> {
    const { store, settings, clock, timers, log } = this.deps;
    const retry = new Retry();
    let warned = false;
    while (!this.draining) {
      const opened = await store.inbox.open(settings.node);
      if (opened.kind === 'opened') return true;
      if (opened.kind === 'ended') throw new Error(`the node id ${settings.node} has been used before`);
      const now = clock.now();
      const wait = retry.failed(now);
      const failedFor = retry.failedFor(now);
      if (failedFor > OPEN_FOR_MS) throw new Error(`Redis could not be reached: ${opened.reason}`);
      if (failedFor > WARN_AFTER_MS && !warned) log.warn({ reason: opened.reason }, 'waiting for Redis');
      warned ||= failedFor > WARN_AFTER_MS;
      await new Promise<void>((resume) => timers.after(wait, resume));
    }
    return false;
  }

  /**
   * Sends all clients away, stores what they have not acknowledged, and leaves the cluster when everything taken from
   * others is settled; gives up waiting after `ms`.
   */
  async stop(ms: number): Promise<void> {
    if (this.draining || this.ended) return;
    this.draining = true;
    if (!this.joined) return;
    const { settings, clock, members, registry, accounts, tenancy, sessions } = this.deps;
    const deadline = clock.now() + ms;
    members.drain();
    this.deps.onDraining();
    const clients = [...sessions()].filter(({ isConnected }) => isConnected);
    sendAway(clients, SHUTTING_DOWN, ms, otherUrls(settings.node, members.live));
    await this.until(deadline, () => registry.open === 0);
    const finished = await this.finishInbox(deadline);
    await accounts.update();
    await tenancy.stop();
    if (!this.ended) await this.leave(finished);
  }

  /** Takes no more from other nodes, and settles all that it has taken. False: not in time. */
  private async finishInbox(deadline: number): Promise<boolean> {
    const { clock, store, settings, inbox, links, members, tunnels } = this.deps;
    this.closing = true;
    let closed = await store.inbox.close(settings.node);
    while (closed.kind === 'unavailable' && clock.now() < deadline && !this.ended) {
      await this.until(clock.now() + CLOSE_AGAIN_MS, () => false);
      closed = await store.inbox.close(settings.node);
    }
    if (closed.kind === 'unavailable') return false;
    const { last } = closed;
    const isSettled = (): boolean =>
      inbox.hasRead(last) && inbox.unsettled === 0 && links.unappended === 0 && tunnels.isIdle;
    if (!(await this.until(deadline, isSettled))) return false;
    // Whoever then finds this node gone has read everything that it was told.
    const told = links.lasts();
    return this.until(deadline, () => links.areRead(told, (node) => members.isDead(node)));
  }

  /** What is left in the log of a node that has not finished, others give back when its lease has run out. */
  private async leave(finished: boolean): Promise<void> {
    const { store, log, settings, inbox, members } = this.deps;
    this.ended = true;
    for (const cancel of this.cancels) cancel();
    await Promise.all([store.inbox.stop(), store.tunnels.stop()]);
    if (finished) await store.inbox.remove(settings.node);
    else log.error({ unsettled: inbox.unsettled }, 'the inbox could not be finished in time');
    if (finished) await members.leave();
    this.halt();
  }

  /** The others take this node for dead, and settle in its stead: whatever it did now could only be done twice. */
  fence(): void {
    if (this.ended) return;
    this.ended = true;
    const { log, store, sessions } = this.deps;
    log.error({ event: 'fenced' }, 'this node has been declared dead: its lease was not renewed in time');
    for (const session of sessions()) session.fence();
    this.halt();
    void this.deps.tenancy.stop();
    void store.inbox.stop();
    void store.tunnels.stop();
    if (!this.draining) this.deps.onFenced();
  }

  private halt(): void {
    for (const cancel of this.cancels) cancel();
    this.deps.members.stop();
    this.deps.reaper.stop();
    this.deps.links.stop();
  }

  /** With every renewal of the lease: whether the inbox is still there. A store that was emptied has lost it. */
  async keepInbox(): Promise<void> {
    if (this.closing) return;
    const opened = await this.deps.store.inbox.open(this.deps.settings.node);
    if (this.ended || this.closing) return;
    if (opened.kind === 'ended') this.fence();
    else if (opened.kind === 'opened' && opened.created) this.storeDisturbed();
  }

  storeDisturbed(): void {
    if (this.joined && !this.ended) this.deps.onStoreLost();
  }

  private every(ms: number, call: () => void): void {
    let cancel = (): void => undefined;
    const again = (): void => {
      cancel = this.deps.timers.after(ms, () => {
        call();
        again();
      });
    };
    again();
    this.cancels.push(() => cancel());
  }

  private async until(deadline: number, done: () => boolean): Promise<boolean> {
    while (!done() && this.deps.clock.now() < deadline && !this.ended) {
      await new Promise<void>((resume) => this.deps.timers.after(LOOK_AGAIN_MS, resume));
    }
    return done();
  }
}
