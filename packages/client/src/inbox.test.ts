import { ACK_EVERY_MESSAGES, type DeliverFrame, type PeerId } from '@causeway/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Arrival, Inbox } from './inbox.ts';

const ALICE = 'alice' as PeerId;
const EVE = 'eve' as PeerId;

function deliver(seq: number, id: number, from = ALICE): DeliverFrame {
  return { type: 'deliver', seq, id, flags: 0, from, payload: new Uint8Array() };
}

function take(inbox: Inbox): Arrival {
  const arrival = inbox.take();
  if (!arrival) throw new Error('nothing waits');
  return arrival;
}

describe('Inbox', () => {
  it('acknowledges what was settled, cumulatively and once', () => {
    const inbox = new Inbox();
    for (let i = 1; i <= 3; i++) expect(inbox.deliver(deliver(i, i))).toBe('new');
    expect(inbox.takeAck()).toBeNull();
    const [first, second] = [take(inbox), take(inbox)];
    inbox.settle(second, 0);
    expect(inbox.takeAck()).toBeNull();
    inbox.settle(first, 0);
    inbox.settle(first, 0);
    expect(inbox.takeAck()).toBe(2);
    expect(inbox.takeAck()).toBeNull();
    expect(inbox.waiting).toBe(1);
  });

  it('wants an ACK at once after 32 messages', () => {
    const inbox = new Inbox();
    for (let i = 1; i <= ACK_EVERY_MESSAGES; i++) {
      expect(inbox.ackDue).toBe(false);
      inbox.deliver(deliver(i, i));
      inbox.settle(take(inbox), 0);
    }
    expect(inbox.ackDue).toBe(true);
    expect(inbox.takeAck()).toBe(ACK_EVERY_MESSAGES);
    expect(inbox.ackDue).toBe(false);
  });

  it('notices a gap and a repeated seq', () => {
    const inbox = new Inbox();
    expect(inbox.deliver(deliver(2, 1))).toBe('gap');
    expect(inbox.deliver(deliver(1, 1))).toBe('new');
    expect(inbox.deliver(deliver(1, 2))).toBe('gap');
    inbox.opened();
    expect(inbox.deliver(deliver(1, 2))).toBe('new');
  });

  it('acknowledges a duplicate without showing it; a smaller id, or that of another sender, is none', () => {
    const inbox = new Inbox();
    inbox.deliver(deliver(1, 7));
    inbox.settle(take(inbox), 0);
    expect(inbox.deliver(deliver(2, 7))).toBe('duplicate');
    expect(inbox.takeAck()).toBe(2);
    expect(inbox.deliver(deliver(3, 6))).toBe('new');
    expect(inbox.deliver(deliver(4, 7, EVE))).toBe('new');
  });

  it('keeps the place of a message that comes again before it was taken, and acknowledges its new seq', () => {
    const inbox = new Inbox();
    inbox.deliver(deliver(1, 1));
    inbox.deliver(deliver(2, 2));
    inbox.settle(take(inbox), 0);
    inbox.opened();
    expect(inbox.deliver(deliver(1, 1))).toBe('duplicate');
    expect(inbox.deliver(deliver(2, 2))).toBe('duplicate');
    expect(inbox.takeAck()).toBe(1);
    expect(inbox.waiting).toBe(1);
    const second = take(inbox);
    expect(second.frame.id).toBe(2);
    inbox.settle(second, 0);
    expect(inbox.takeAck()).toBe(2);
  });

  it('does not show again what the application has and did not acknowledge yet', () => {
    const inbox = new Inbox();
    inbox.deliver(deliver(1, 1));
    const held = take(inbox);
    inbox.opened();
    expect(inbox.deliver(deliver(1, 1))).toBe('duplicate');
    expect(inbox.waiting).toBe(0);
    inbox.settle(held, 0);
    expect(inbox.takeAck()).toBe(1);
  });

  it('forgets what was not taken when it is discarded, and shows it when it comes again', () => {
    const inbox = new Inbox();
    inbox.deliver(deliver(1, 1));
    inbox.discard();
    expect(inbox.waiting).toBe(0);
    expect(inbox.deliver(deliver(1, 1))).toBe('new');
  });
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('deliver' as const) },
  { weight: 4, arbitrary: fc.constant('take' as const) },
  { weight: 4, arbitrary: fc.nat(5) },
  { weight: 2, arbitrary: fc.constant('ack' as const) },
  { weight: 1, arbitrary: fc.constant('reconnect' as const) },
);

describe('Inbox against a relay that delivers again what was not acknowledged', () => {
  it('shows each message once, in order, and never acknowledges one that was not settled', () => {
    const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const inbox = new Inbox();
      const settled = new Set<number>();
      const shown: number[] = [];
      let held: Arrival[] = [];
      // Messages are 1, 2, 3...; the relay knows them acknowledged up to `acked`, and this connection began after it.
      let acked = 0;
      let base = 0;
      let seq = 0;
      const acknowledge = (): void => {
        const ack = inbox.takeAck();
        if (ack === null) return;
        expect(ack).toBeLessThanOrEqual(seq);
        for (let id = acked + 1; id <= base + ack; id++) expect(settled.has(id)).toBe(true);
        acked = base + ack;
      };
      const next = (): void => {
        seq += 1;
        expect(inbox.deliver(deliver(seq, base + seq))).not.toBe('gap');
      };
      const settle = (index: number): void => {
        const [arrival] = held.splice(index % held.length, 1);
        if (!arrival) return;
        settled.add(Number(arrival.frame.id));
        inbox.settle(arrival, 0);
      };
      const takeOne = (): void => {
        const arrival = inbox.take();
        if (!arrival) return;
        shown.push(Number(arrival.frame.id));
        held = [...held, arrival];
      };
      for (const action of steps) {
        if (action === 'deliver') next();
        else if (action === 'take') takeOne();
        else if (action === 'ack') acknowledge();
        else if (action === 'reconnect') {
          inbox.opened();
          base = acked;
          seq = 0;
        } else settle(action);
      }
      while (inbox.waiting > 0) takeOne();
      while (held.length > 0) settle(0);
      acknowledge();
      expect(shown).toEqual(shown.map((_, index) => index + 1));
      expect(acked).toBe(base + seq);
    });
    fc.assert(property, { numRuns: 500 });
  });
});
