import type { PeerId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { settings } from '../../../../test/simulation/cluster.ts';
import { A } from '../../../../test/simulation/core-kit.ts';
import { silentLog, World } from '../../../../test/simulation/world.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { Counters } from './counters.ts';
import { Policy, type PolicyDocument } from './policy.ts';
import { Tenancy } from './tenancy.ts';

test('a policy tells of a cap on reservations that is new to a realm with peers here, and of nothing else', () => {
  const world = new World();
  let policy = new Policy({}, 0, 1000);
  const tenancy = new Tenancy({
    ...{ settings: settings(A), store: createEmbeddedStore(), clock: world, timers: world, log: silentLog },
    ...{ counters: new Counters(), policy: () => policy, nodes: () => 1 },
  });
  tenancy.usage.account('here' as RealmName, 'p' as PeerId).open();
  const tells = (document: PolicyDocument): boolean => {
    policy = new Policy(document, policy.version + 1, 1000);
    return tenancy.applyPolicy();
  };
  const cap = { caps: { reservations: 5 } };
  expect(tells({ realms: { here: { caps: { connections: 5 } } } })).toBe(false);
  expect(tells({ realms: { elsewhere: cap } })).toBe(false);
  expect(tells({ realms: { here: cap } })).toBe(true);
  expect(tells({ realms: { here: { caps: { reservations: 6 } } } })).toBe(false);
  expect(tells({})).toBe(false);
  expect(tells({ defaults: cap })).toBe(true);
});
