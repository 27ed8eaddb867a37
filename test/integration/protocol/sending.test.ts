import { SendFlag, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { Flow } from '../../kit/flow.ts';
import { waitFor } from '../../kit/wait.ts';
import { numbered, outcomes, text, useCluster } from '../fixture.ts';

const WINDOW = 4;
const cluster = useCluster({ env: { CAUSEWAY_SEND_WINDOW: String(WINDOW) } });
const { noStore, noReceipt, afterRefusal } = SendFlag;

/** The recipients are on node 1, the senders on the node of this index. */
describe.each([
  [SUBPROTOCOL_BINARY, 1],
  [SUBPROTOCOL_BINARY, 0],
  [SUBPROTOCOL_JSON, 1],
  [SUBPROTOCOL_JSON, 0],
] as const)('%s, from node %i to node 1', (subprotocol, from) => {
  const alice = () => cluster.join(from, { peer: 'alice' }, { subprotocol });
  const bob = (autoAck: boolean) => cluster.join(1, { peer: `bob-${subprotocol}-${from}` }, { subprotocol, autoAck });
  const to = `bob-${subprotocol}-${from}`;

  test('no-store: offline, delivered, or unconfirmed when the connection ends first', async () => {
    const sender = await alice();
    expect(await outcomes(sender, sender.message(to, 'a', { flags: noStore }))).toEqual(['offline']);
    const reader = await bob(false);
    const delivered = sender.message(to, 'b', { flags: noStore });
    reader.ack((await reader.next('deliver')).seq);
    expect(await outcomes(sender, delivered)).toEqual(['delivered']);
    const unconfirmed = sender.message(to, 'c', { flags: noStore });
    expect(text((await reader.next('deliver')).payload)).toBe('c');
    reader.terminate();
    expect(await outcomes(sender, unconfirmed)).toEqual(['unconfirmed']);
    // It was stored nowhere.
    const again = await cluster.connect(1, { subprotocol });
    expect((await again.hello({ peer: to })).queued).toBe(0);
  });

  test('no-store while the recipient catches up: overloaded, with a hint', async () => {
    const flow = cluster.keep(new Flow({ url: cluster.url(0), from: 'filler', to, payloads: numbered(257) }));
    await flow.start();
    await flow.finish();
    const reader = await bob(false);
    const last = await reader.next('deliver', ({ seq }) => seq === 256);
    const sender = await alice();
    const refused = sender.message(to, 'now or never', { flags: noStore });
    expect(await outcomes(sender, refused)).toEqual(['overloaded']);
    expect(await sender.next('throttle')).toMatchObject({ scope: 'node' });
    reader.ack(last.seq);
    await reader.next('deliver', ({ seq }) => seq === 257);
    reader.ack(257);
    await waitFor(async () => (await cluster.total('causeway_catching_up_recipients')) === 0, { what: 'bob is live' });
    const again = sender.message(to, 'now', { id: refused, flags: noStore | afterRefusal });
    const { seq, payload, flags } = await reader.next('deliver', ({ from: name }) => name === 'alice');
    expect([text(payload), flags]).toEqual(['now', 0]);
    reader.ack(seq);
    expect(await outcomes(sender, again)).toEqual(['delivered']);
  });

  test('no-receipt: none for what arrives, but for a refusal', async () => {
    const [sender, reader] = [await alice(), await bob(true)];
    sender.message(to, 'quiet', { flags: noReceipt });
    const loud = sender.message(to, 'loud');
    expect(await outcomes(sender, loud)).toEqual(['delivered']);
    expect([text((await reader.next('deliver')).payload), text((await reader.next('deliver')).payload)]).toEqual([
      'quiet',
      'loud',
    ]);
    sender.message(`${to}-away`, 'stored', { flags: noReceipt });
    const refused = sender.message(`${to}-away`, 'not stored', { flags: noReceipt | noStore });
    const fence = sender.message(`${to}-away`, 'fence');
    expect(await outcomes(sender, refused, fence)).toEqual(['offline', 'queued']);
  });

  test('no-receipt counts against the send window until it is settled', async () => {
    const [sender, reader] = [await alice(), await bob(false)];
    for (let count = 0; count < WINDOW; count += 1) sender.message(to, 'quiet', { flags: noReceipt });
    const beyond = sender.message(to, 'beyond');
    expect(await outcomes(sender, beyond)).toEqual(['overloaded']);
    await reader.next('deliver', ({ seq }) => seq === WINDOW);
    reader.ack(WINDOW);
    await waitFor(async () => (await cluster.total('causeway_pending_sends')) === 0, { what: 'all are settled' });
    const again = sender.message(to, 'beyond', { id: beyond, flags: afterRefusal });
    reader.ack((await reader.next('deliver', ({ seq }) => seq > WINDOW)).seq);
    expect(await outcomes(sender, again)).toEqual(['delivered']);
  });

  test('a temporary refusal sticks to its recipient until after-refusal', async () => {
    const [sender, reader] = [await alice(), await bob(false)];
    const first = Array.from({ length: WINDOW }, (_, index) => sender.message(to, `first ${index}`));
    const refused = [sender.message(to, 'again 0'), sender.message(to, 'again 1')] as const;
    expect(await outcomes(sender, ...refused)).toEqual(['overloaded', 'overloaded']);
    expect((await sender.next('throttle')).retryAfterMs).toBeGreaterThan(0);
    await reader.next('deliver', ({ seq }) => seq === WINDOW);
    reader.ack(WINDOW);
    expect(await outcomes(sender, ...first)).toEqual(first.map(() => 'delivered'));
    // There is room now, for everyone but this recipient.
    const sticky = sender.message(to, 'overtakes');
    const elsewhere = sender.message(`${to}-elsewhere`, 'elsewhere');
    expect(await outcomes(sender, sticky, elsewhere)).toEqual(['overloaded', 'queued']);
    sender.message(to, 'again 0', { id: refused[0], flags: afterRefusal });
    sender.message(to, 'again 1', { id: refused[1] });
    sender.message(to, 'later', { id: sticky });
    const shown: string[] = [];
    while (shown.length < 3) {
      const { seq, payload } = await reader.next('deliver', ({ seq: number }) => number > WINDOW);
      shown.push(text(payload));
      reader.ack(seq);
    }
    expect(shown).toEqual(['again 0', 'again 1', 'later']);
    expect(await outcomes(sender, ...refused, sticky)).toEqual(['delivered', 'delivered', 'delivered']);
  });

  test('an id that still waits for its receipt is ignored, and free afterwards', async () => {
    const [sender, reader] = [await alice(), await bob(false)];
    const duplicates = () => cluster.total('causeway_drops_total', { reason: 'duplicate_id' });
    const before = await duplicates();
    for (const payload of ['first', 'second', 'third']) sender.message(to, payload, { id: 77 });
    sender.message(to, 'fence', { id: 78 });
    await reader.next('deliver', ({ id }) => id === 78);
    reader.ack(2);
    expect(await outcomes(sender, 77, 78)).toEqual(['delivered', 'delivered']);
    expect(text((await reader.next('deliver')).payload)).toBe('first');
    expect((await duplicates()) - before).toBe(2);
    sender.message(to, 'fourth', { id: 77 });
    const { seq, payload } = await reader.next('deliver');
    expect([seq, text(payload)]).toEqual([3, 'fourth']);
    reader.ack(3);
    expect(await outcomes(sender, 77)).toEqual(['delivered']);
  });

  test('empty payloads are messages, and peer ids may have 128 bytes', async () => {
    // The same length in JSON's characters and fewer, but 128 bytes both.
    for (const name of ['n'.repeat(128), '\u00e9'.repeat(64)]) {
      const reader = await cluster.join(1, { peer: name }, { subprotocol, autoAck: true });
      const sender = await cluster.join(from, { peer: `s${name.slice(1)}`.slice(0, name.length) }, { subprotocol });
      expect(await outcomes(sender, sender.message(name, ''))).toEqual(['delivered']);
      const { payload } = await reader.next('deliver');
      expect(payload).toHaveLength(0);
    }
  });
});
