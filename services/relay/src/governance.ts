import type { NodeId, PeerId } from '@causeway/protocol';
import { NO_ACCESS_LISTS, parseAccess } from './access/access-schema.ts';
import { createGatekeeper } from './access/create.ts';
import type { Gatekeeper } from './access/gatekeeper.ts';
import { AccessLists } from './access/lists.ts';
import { parsePolicy } from './access/policy-schema.ts';
import type { RelayConfig } from './config.ts';
import type { Clock, Log, Timers } from './core/clock.ts';
import { applyParsed, LiveDocuments } from './core/live-documents.ts';
import { Policy } from './core/policy.ts';
import type { Store } from './core/ports.ts';

/** The store may come after its relays. */
const READY_FOR_MS = 30_000;
const RANDOM_PEER_BYTES = 16;
/** Timers reach no further. */
const MOST_TIMER_MS = 2 ** 31 - 1;

export interface GovernanceDeps {
  readonly config: RelayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** The id that the node has now. */
  readonly node: () => NodeId;
  readonly randomHex: (bytes: number) => string;
  /** Another policy is in force. */
  readonly onPolicy: () => void;
  /** Other bans, allow lists or revocations are in force. */
  readonly onAccess: () => void;
}

/** What operators have set for the whole cluster, as it is in force on this node. */
export class Governance {
  readonly gatekeeper: Gatekeeper;
  readonly documents: LiveDocuments;
  private currentPolicy: Policy;
  private lists = new AccessLists(NO_ACCESS_LISTS);
  private cancelRecheck = (): void => undefined;
  private readonly deps: GovernanceDeps;

  constructor(deps: GovernanceDeps) {
    this.deps = deps;
    const { config, store, clock, timers, log, node, randomHex, onPolicy, onAccess } = deps;
    this.currentPolicy = new Policy({}, 0, config.maxPayload);
    this.gatekeeper = createGatekeeper(config, {
      node,
      policy: () => this.currentPolicy,
      lists: () => this.lists,
      attempts: store.attempts,
      clock,
      log,
      randomPeerId: () => randomHex(RANDOM_PEER_BYTES) as PeerId,
    });
    this.documents = new LiveDocuments({
      documents: store.documents,
      notices: store.notices,
      timers,
      log,
      seed: config.policySeed === null ? {} : { policy: config.policySeed },
      apply: {
        policy: applyParsed(parsePolicy, (document, version) => {
          this.currentPolicy = new Policy(document ?? {}, version, config.maxPayload);
          onPolicy();
        }),
        access: applyParsed(parseAccess, (document) => {
          this.lists = new AccessLists(document ?? NO_ACCESS_LISTS);
          this.gatekeeper.accessChanged();
          onAccess();
          this.recheckAtNextEnd();
        }),
      },
    });
    store.onDisturbed(() => void this.documents.refresh());
  }

  get policy(): Policy {
    return this.currentPolicy;
  }

  /** Resolves when everything is in force that is set; rejects when that can't be read for 30 s. */
  async start(): Promise<void> {
    this.documents.start();
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.deps.timers.after(READY_FOR_MS, () => {
        const missing = this.documents.missing.join(' and ');
        reject(new Error(`the cluster's ${missing} could not be read from Redis; see the log for the reason`));
      });
    });
    await Promise.race([this.documents.ready, late]);
    cancel();
  }

  stop(): void {
    this.cancelRecheck();
    this.documents.stop();
  }

  /** Whoever an allow list lets in no more is sent away when its entry ends. */
  private recheckAtNextEnd(): void {
    this.cancelRecheck();
    const { clock, timers, onAccess } = this.deps;
    const now = clock.now();
    const end = this.lists.nextEnd(now);
    if (end === null) return;
    this.cancelRecheck = timers.after(Math.min(end - now, MOST_TIMER_MS), () => {
      onAccess();
      this.recheckAtNextEnd();
    });
  }
}
