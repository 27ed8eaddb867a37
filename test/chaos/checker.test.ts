import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check, type ViolationKind, type Wipe } from './checker.ts';
import type { History } from './history.ts';
import { longestOutage } from './outage.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

/** alice sends 1..4 to bob and 5 to carol; all of it arrives. */
function histories(): { alice: Mutable<History>; bob: Mutable<History>; carol: Mutable<History> } {
  const sent = [1, 2, 3, 4, 5].map((id) => ({
    to: id === 5 ? 'carol' : 'bob',
    id,
    digest: 100 + id,
    at: id,
    crossing: false,
  }));
  const outcomes = sent.map(({ id }) => ({ id, status: id % 2 === 0 ? 'queued' : 'delivered', at: 10 + id }));
  const shown = sent.map(({ id, digest }) => ({ from: 'alice', id, digest, stored: false, at: 5 + id }));
  const of = (peer: string): Mutable<History> => ({
    peer,
    firstId: 1,
    sent: [],
    outcomes: [],
    shown: [],
    connections: [],
    refusals: [],
  });
  return {
    alice: { ...of('alice'), sent, outcomes },
    bob: { ...of('bob'), shown: shown.slice(0, 4) },
    carol: { ...of('carol'), shown: shown.slice(4) },
  };
}

function found(all: Record<string, History>, wipes: Wipe[] = []): string[] {
  const { violations } = check(Object.values(all), { wipes });
  return violations.map(({ kind, from, to, id }) => `${kind} ${from}>${to} ${id}`);
}

describe('the checker', () => {
  it('finds nothing where all went well', () => {
    expect(check(Object.values(histories()))).toEqual({ messages: 5, refused: 0, violations: [] });
  });

  it.each(['delivered', 'queued'])('finds what was receipted %s and never shown', (status) => {
    const all = histories();
    all.bob.shown.splice(1, 1);
    all.alice.outcomes[1] = { id: 2, status, at: 12 };
    expect(found(all)).toEqual(['lost alice>bob 2']);
  });

  describe('where Redis lost all', () => {
    // Sent at 1..4, shown at 6..9, receipted at 11..14.
    const early = { from: 1.5, to: 2.5 };
    const late = { from: 20, to: 30 };

    function withoutShowing(id: number, status: string): ReturnType<typeof histories> {
      const all = histories();
      all.bob.shown = all.bob.shown.filter((one) => one.id !== id);
      all.alice.outcomes[id - 1] = { id, status, at: 12 };
      return all;
    }

    it('excuses what was queued and sent before, and is missing', () => {
      expect(found(withoutShowing(2, 'queued'), [early])).toEqual([]);
      expect(found(withoutShowing(4, 'queued'), [late])).toEqual([]);
    });

    it('excuses nothing that was receipted delivered', () => {
      expect(found(withoutShowing(2, 'delivered'), [early])).toEqual(['lost alice>bob 2']);
    });

    it('excuses nothing that was sent when Redis was back', () => {
      expect(found(withoutShowing(3, 'queued'), [early])).toEqual(['lost alice>bob 3']);
    });

    it('excuses nothing that a later message had overtaken by then', () => {
      expect(found(withoutShowing(2, 'queued'), [late])).toEqual(['lost alice>bob 2']);
      expect(found(withoutShowing(2, 'queued'), [late, early])).toEqual([]);
    });

    it('excuses neither repetition, nor change of order, nor want of an outcome', () => {
      const all = histories();
      all.alice.outcomes.splice(0, 1);
      const [one, two, three, four] = all.bob.shown as [never, never, never, never];
      all.bob.shown = [two, one, three, four, four].map((shown: History['shown'][number], at) => ({ ...shown, at }));
      expect(found(all, [{ from: 0, to: 100 }])).toEqual([
        'reordered alice>bob 1',
        'repeated alice>bob 4',
        'unanswered alice>bob 1',
      ]);
    });
  });

  it('lets a refused message be shown or not', () => {
    const all = histories();
    all.alice.outcomes[0] = { id: 1, status: 'unconfirmed', at: 11 };
    expect(check(Object.values(all))).toMatchObject({ refused: 1, violations: [] });
    all.bob.shown.shift();
    expect(check(Object.values(all))).toMatchObject({ refused: 1, violations: [] });
  });

  it('finds a message that one client shows twice', () => {
    const all = histories();
    all.bob.shown.push({ from: 'alice', id: 2, digest: 102, stored: false, at: 20 });
    expect(found(all)).toEqual(['repeated alice>bob 2']);
  });

  it('lets two clients of one peer show the same message', () => {
    const all = { ...histories(), again: { ...histories().bob } };
    expect(found(all)).toEqual([]);
  });

  it('finds a message of an earlier history', () => {
    const all = histories();
    all.alice.firstId = 5;
    all.alice.sent.splice(0, 4);
    all.alice.outcomes.splice(0, 4);
    all.bob.shown.splice(1);
    expect(found(all)).toEqual(['repeated alice>bob 1']);
  });

  it('finds what was first shown out of the order of sending', () => {
    const all = histories();
    const [one, two, three, four] = all.bob.shown as [never, never, never, never];
    all.bob.shown = [one, three, two, four].map((shown: History['shown'][number], at) => ({ ...shown, at }));
    expect(found(all)).toEqual(['reordered alice>bob 2']);
  });

  it('takes the first showing over all clients of a peer', () => {
    const { alice, bob, carol } = histories();
    const first = { ...bob, shown: bob.shown.slice(2) };
    const second = { ...bob, shown: bob.shown.map((shown) => ({ ...shown, at: shown.at + 50 })) };
    expect(found({ alice, first, second, carol })).toEqual(['reordered alice>bob 1', 'reordered alice>bob 2']);
  });

  it('finds changed bytes, a message that nobody sent and one for somebody else', () => {
    const all = histories();
    all.bob.shown[0] = { from: 'alice', id: 1, digest: 1, stored: false, at: 6 };
    all.bob.shown.push(
      { from: 'alice', id: 77, digest: 1, stored: false, at: 20 },
      { from: 'mallory', id: 1, digest: 1, stored: false, at: 21 },
    );
    all.bob.shown.push({ from: 'alice', id: 5, digest: 105, stored: false, at: 22 });
    expect(found(all)).toEqual([
      'corrupted alice>bob 1',
      'corrupted alice>bob 77',
      'corrupted mallory>bob 1',
      'corrupted alice>bob 5',
    ]);
  });

  it('finds a message without an outcome, shown or not', () => {
    const all = histories();
    all.alice.outcomes.splice(2, 1);
    expect(found(all)).toEqual(['unanswered alice>bob 3']);
    all.bob.shown.splice(2, 1);
    expect(found(all)).toEqual(['unanswered alice>bob 3']);
  });
});

const PEERS = ['alice', 'bob', 'carol'] as const;

/** Messages between random peers, each receipted, refused, or refused and shown; all in order. */
const valid = fc
  .array(
    fc.record({
      from: fc.constantFrom(...PEERS),
      to: fc.constantFrom(...PEERS),
      digest: fc.nat(),
      fate: fc.constantFrom('delivered', 'queued', 'offline', 'unconfirmed'),
      shown: fc.boolean(),
      receiptDelay: fc.nat(50),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((messages) => {
    const all = PEERS.map(
      (peer) =>
        ({ peer, firstId: 1, sent: [], outcomes: [], shown: [], connections: [], refusals: [] }) as Mutable<History>,
    );
    const of = (peer: string) => all.find((one) => one.peer === peer) as Mutable<History>;
    for (const [at, { from, to, digest, fate, shown, receiptDelay }] of messages.entries()) {
      const sender = of(from);
      const id = sender.sent.length + 1;
      sender.sent.push({ to, id, digest, at, crossing: false });
      sender.outcomes.push({ id, status: fate, at: at + receiptDelay });
      if (shown || fate === 'delivered' || fate === 'queued')
        of(to).shown.push({ from, id, digest, stored: false, at: at + 1 });
    }
    return all;
  });

type Doctor = (histories: Mutable<History>[], index: number) => ViolationKind | null;

/** Each breaks one thing in a history where there is something to break. */
const doctors: Record<string, Doctor> = {
  'a showing is missing': (all, index) => {
    const reader = all[index % all.length] as Mutable<History>;
    const [gone] = reader.shown.splice(index % Math.max(1, reader.shown.length), 1);
    const outcome = all.find(({ peer }) => peer === gone?.from)?.outcomes.find(({ id }) => id === gone?.id);
    return outcome?.status === 'delivered' || outcome?.status === 'queued' ? 'lost' : null;
  },
  'a showing is doubled': (all, index) => {
    const { shown } = all[index % all.length] as Mutable<History>;
    const one = shown[index % Math.max(1, shown.length)];
    if (one === undefined) return null;
    shown.push({ ...one, at: 1000 });
    return 'repeated';
  },
  'a byte is changed': (all, index) => {
    const { shown } = all[index % all.length] as Mutable<History>;
    const at = index % Math.max(1, shown.length);
    const one = shown[at];
    if (one === undefined) return null;
    shown[at] = { ...one, digest: one.digest + 1 };
    return 'corrupted';
  },
  'an outcome is missing': (all, index) => {
    const { outcomes } = all[index % all.length] as Mutable<History>;
    return outcomes.splice(index % Math.max(1, outcomes.length), 1).length > 0 ? 'unanswered' : null;
  },
  'the first of two from one sender comes last': (all, index) => {
    const { shown } = all[index % all.length] as Mutable<History>;
    const one = shown[index % Math.max(1, shown.length)];
    const follows = shown.some(({ from, id }) => from === one?.from && id > one.id);
    if (one === undefined || !follows) return null;
    shown.splice(shown.indexOf(one), 1);
    shown.push({ ...one, at: 1000 });
    return 'reordered';
  },
};

describe('over random histories', () => {
  it('finds nothing in a valid one', () => {
    fc.assert(
      fc.property(valid, (all) => {
        expect(check(all).violations).toEqual([]);
      }),
    );
  });

  it.each(Object.entries(doctors))('finds exactly one violation where %s', (_, doctor) => {
    fc.assert(
      fc.property(valid, fc.nat(1000), (all, index) => {
        const expected = doctor(all, index);
        expect(check(all).violations.map(({ kind }) => kind)).toEqual(expected === null ? [] : [expected]);
      }),
    );
  });
});

describe('the longest outage', () => {
  const history = (sent: number[], outcomes: number[]): History => ({
    peer: 'alice',
    firstId: 1,
    sent: sent.map((at, id) => ({ to: 'bob', id, digest: 0, at, crossing: false })),
    outcomes: outcomes.map((at, id) => ({ id, status: 'delivered', at })),
    shown: [],
    connections: [],
    refusals: [],
  });

  it('runs from the first sending, or the last outcome while more is under way', () => {
    expect(longestOutage(history([0, 1], [10, 30]), 100)).toBe(20);
    expect(longestOutage(history([0, 50], [10, 55]), 100)).toBe(10);
  });

  it('runs to the end where an outcome is missing', () => {
    expect(longestOutage(history([0, 50], [10]), 100)).toBe(50);
    expect(longestOutage(history([0, 1, 50], [10]), 100)).toBe(90);
    expect(longestOutage(history([7], []), 100)).toBe(93);
  });

  it('is none without messages', () => {
    expect(longestOutage(history([], []), 100)).toBe(0);
  });
});
