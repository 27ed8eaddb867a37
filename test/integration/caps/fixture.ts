import type { NodeId, RealmName } from '@causeway/protocol';
import { afterAll, beforeAll } from 'vitest';
import type { Caps } from '../../../services/relay/src/core/policy.ts';
import type { Store } from '../../../services/relay/src/core/ports.ts';
import type { Tally } from '../../../services/relay/src/core/shared-ports.ts';
import { of } from '../../contract/fixtures.ts';
import { connectTo, untilHealthy } from '../../contract/implementation.ts';
import type { Relay } from '../../kit/relay.ts';
import { waitFor } from '../../kit/wait.ts';

export interface Operator {
  /** Sets the caps of the realm, and returns when they are in force on all these relays. */
  setCaps(relays: readonly Relay[], realm: string, caps: Caps): Promise<void>;
  /** Waits until the relays have told that the realm holds so much together. */
  untilHeld(realm: string, tally: Tally, count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startOperator(url: string): Promise<Operator> {
  const store: Store = connectTo(url);
  await untilHealthy(store);
  const observer = 'observer' as NodeId;
  const realms: Record<string, { caps: Caps }> = {};
  return {
    async setCaps(relays, realm, caps) {
      realms[realm] = { caps };
      const { policy } = of('versions', await store.documents.versions()).versions;
      const change = { text: JSON.stringify({ realms }), by: 'test', note: '' };
      const { document } = of('written', await store.documents.write('policy', policy, change));
      const isInForce = ({ logs }: Relay) =>
        logs.some((record) => record.document === 'policy' && record.version === document.version);
      await waitFor(() => relays.every(isInForce), { what: `version ${document.version} is in force` });
    },
    async untilHeld(realm, tally, count) {
      const held = async () => {
        const reply = await store.tallies.report(realm as RealmName, tally, observer, 0, 1000);
        return of('reported', reply).held;
      };
      await waitFor(async () => (await held()) === count, { what: `${realm} holds ${count} ${tally}` });
    },
    stop: () => store.close(),
  };
}

/** An operator for all tests of a file. */
export function useOperator(redis: () => { readonly url: string }): Pick<Operator, 'setCaps' | 'untilHeld'> {
  let operator: Operator | undefined;
  beforeAll(async () => {
    operator = await startOperator(redis().url);
  });
  afterAll(() => operator?.stop());
  const started = (): Operator => {
    if (operator === undefined) throw new Error('the operator is not there yet');
    return operator;
  };
  return {
    setCaps: (...args) => started().setCaps(...args),
    untilHeld: (...args) => started().untilHeld(...args),
  };
}
