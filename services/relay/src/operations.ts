import type { Operations } from './admin/operations.ts';
import type { Clock, Log, Timers } from './core/clock.ts';
import type { AuthPolicy, Policy } from './core/policy.ts';
import type { Store } from './core/ports.ts';
import { accessOperations } from './operations/access.ts';
import { auditOperations } from './operations/audit.ts';
import type { RelayControls } from './operations/controls.ts';
import { Inquiries } from './operations/inquiries.ts';
import { LimitDesk } from './operations/limits.ts';
import { answerQuestion, nodeOperations } from './operations/nodes.ts';
import { followOrders } from './operations/orders.ts';
import { PeerDesk } from './operations/peers.ts';
import { usageOperations } from './operations/usage.ts';

export interface OperationsDeps {
  readonly store: Store;
  /** The relay of the moment: one that was fenced goes on under another id. */
  readonly relay: () => RelayControls;
  /** The policy in force on this node. */
  readonly policy: () => Policy;
  /** Holds where the policy says nothing of a realm. */
  readonly defaultAuth: AuthPolicy;
  readonly mailboxTtlMs: number;
  /** Milliseconds that a drain may take. */
  readonly drainMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** What operators can ask of this node. From now on it also does what others are asked to have it do. */
export function createOperations(deps: OperationsDeps): Operations {
  const { store, relay, clock, timers, log } = deps;
  const { notices, documents, foreignReservations } = store;
  const self = () => relay().node;
  const answer = (question: Parameters<typeof answerQuestion>[1]) => answerQuestion(relay(), question, clock);
  const inquiries = new Inquiries({ notices, timers, self, answer });
  followOrders({ notices, relay, inquiries, log });
  return {
    nodes: nodeOperations({ ...deps, notices, inquiries }),
    peers: new PeerDesk({ ...deps, inquiries }),
    access: accessOperations(documents, clock),
    limits: new LimitDesk(deps),
    usage: usageOperations(store),
    coordination: {
      allow: (question) => relay().allow(question),
      put: (key, reservation, ttlMs) => foreignReservations.put(key, reservation, ttlMs),
      get: (key) => foreignReservations.get(key),
      delete: (key, epoch) => foreignReservations.delete(key, epoch),
    },
    audit: auditOperations(store.auditTrail, self, log),
  };
}
