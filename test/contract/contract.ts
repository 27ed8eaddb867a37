import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attemptsContract } from './attempts-contract.ts';
import { auditTrailContract } from './audit-trail-contract.ts';
import { bucketsContract } from './buckets-contract.ts';
import { capsContract } from './caps-contract.ts';
import { documentsContract } from './documents-contract.ts';
import { foreignReservationsContract } from './foreign-reservations-contract.ts';
import { handoverContract } from './handover-contract.ts';
import type { Implementation } from './implementation.ts';
import { inboxContract } from './inbox-contract.ts';
import { ledgerContract } from './ledger-contract.ts';
import { linksContract } from './links-contract.ts';
import { mailboxContract } from './mailbox-contract.ts';
import { membershipContract } from './membership-contract.ts';
import { namesContract } from './names-contract.ts';
import { noticesContract } from './notices-contract.ts';
import { peersContract } from './peers-contract.ts';
import { presenceContract } from './presence-contract.ts';
import { reapingContract } from './reaping-contract.ts';
import { registrationContract } from './registration-contract.ts';
import { roomsContract } from './rooms-contract.ts';
import { snapshotsContract } from './snapshots-contract.ts';
import { talliesContract } from './tallies-contract.ts';
import { tunnelStreamsContract } from './tunnel-streams-contract.ts';
import { usageContract } from './usage-contract.ts';

/** Every port's suite on one implementation. */
export function contract(name: string, start: () => Promise<Implementation>): void {
  describe(name, () => {
    let implementation: Implementation;
    beforeAll(async () => {
      implementation = await start();
    });
    afterAll(() => implementation.stop());
    const get = () => implementation;

    describe('registration', () => registrationContract(get));
    describe('handover', () => handoverContract(get));
    describe('mailbox', () => mailboxContract(get));
    describe('caps', () => capsContract(get));
    describe('buckets', () => bucketsContract(get));
    describe('ledger', () => ledgerContract(get));
    describe('links', () => linksContract(get));
    describe('inbox', () => inboxContract(get));
    describe('reaping', () => reapingContract(get));
    describe('presence', () => presenceContract(get));
    describe('membership', () => membershipContract(get));
    describe('documents', () => documentsContract(get));
    describe('notices', () => noticesContract(get));
    describe('audit trail', () => auditTrailContract(get));
    describe('attempts', () => attemptsContract(get));
    describe('tallies', () => talliesContract(get));
    describe('rooms', () => roomsContract(get));
    describe('tunnel streams', () => tunnelStreamsContract(get));
    describe('peers', () => peersContract(get));
    describe('foreign reservations', () => foreignReservationsContract(get));
    describe('names', () => namesContract(get));
    describe('usage', () => usageContract(get));
    describe('snapshots', () => snapshotsContract(get));
    test('is healthy', async () => expect(await get().store.health.check()).toEqual({ kind: 'healthy' }));
  });
}
