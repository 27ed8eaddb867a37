import { expect } from 'vitest';
import { parsePolicy } from '../../../services/relay/src/access/policy-schema.ts';
import { applyParsed, LiveDocuments } from '../../../services/relay/src/core/live-documents.ts';
import type { PolicyDocument } from '../../../services/relay/src/core/policy.ts';
import type { Store } from '../../../services/relay/src/core/ports.ts';
import type { Notice, Notices } from '../../../services/relay/src/core/shared-ports.ts';
import { of } from '../../contract/fixtures.ts';
import { connectTo, untilHealthy } from '../../contract/implementation.ts';
import { waitFor } from '../../kit/wait.ts';

const NO_LOG = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** What a node has of the live documents, without the rest of it. */
export interface LiveNode {
  readonly store: Store;
  readonly live: LiveDocuments;
  /** Versions of the policy that were in force, in order. */
  readonly versions: readonly number[];
  /** The policy in force now; null: there is none. */
  policy(): PolicyDocument | null;
  /** Notices that have come. */
  readonly told: readonly Notice[];
  until(version: number): Promise<void>;
  /** Resolves when a notice that this node publishes reaches it. */
  untilTold(): Promise<void>;
  stop(): Promise<void>;
}

export interface LiveNodeOptions {
  /** It hears no notices. */
  readonly deaf?: boolean;
  /** It never polls. */
  readonly still?: boolean;
}

/** A node with a client of its own, which has read what there is. */
export async function startLiveNode(
  url: string,
  { deaf = false, still = false }: LiveNodeOptions = {},
): Promise<LiveNode> {
  const store = connectTo(url);
  await untilHealthy(store);
  const versions: number[] = [];
  const told: Notice[] = [];
  let policy: PolicyDocument | null = null;
  const notices: Notices = deaf ? { publish: store.notices.publish, onNotice: () => undefined } : store.notices;
  const live = new LiveDocuments({
    documents: store.documents,
    notices,
    timers: {
      after(ms, call) {
        const timer = still ? undefined : setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      soon: setImmediate,
    },
    log: NO_LOG,
    apply: {
      policy: applyParsed(parsePolicy, (document, version) => {
        policy = document;
        versions.push(version);
      }),
      access: () => null,
    },
  });
  if (!deaf) store.notices.onNotice((notice) => told.push(notice));
  live.start();
  await live.ready;
  return {
    store,
    live,
    versions,
    told,
    policy: () => policy,
    async until(version) {
      await waitFor(() => versions.at(-1) === version, { what: `version ${version} is in force`, timeoutMs: 30_000 });
    },
    async untilTold() {
      const before = told.length;
      const publish = async () => {
        await store.notices.publish({ kind: 'changed', name: 'access', version: 0 });
        return told.length > before;
      };
      await waitFor(publish, { what: 'notices arrive', timeoutMs: 30_000 });
    },
    async stop() {
      live.stop();
      await store.close();
    },
  };
}

/** Writes the version behind the expected one, which must be the present one. */
export async function write({ store }: LiveNode, expected: number): Promise<void> {
  const change = { text: policyText(expected + 1), by: 'tester', note: '' };
  const reply = await store.documents.write('policy', expected, change);
  expect(of('written', reply).document.version).toBe(expected + 1);
}

/** A policy that can be told from others. */
export function policyText(number: number): string {
  return JSON.stringify({ cluster: { messages: { perSecond: number } } });
}
