import { describe, expect, it } from 'vitest';
import { type Ask, describeOffer, type Policy, questionsOf } from './prompts.ts';

const over = new AbortController().signal;
const policy: Policy = { yes: false, taken: null, peer: 'alice', target: '/inbox' };
const file = (name: string, size?: number) => ({
  path: [name],
  folder: false,
  executable: false,
  ...(size !== undefined && { size }),
});

/** Answers one after the other, and keeps what was asked. */
function answering(...answers: (string | null)[]): { ask: Ask; asked: string[] } {
  const asked: string[] = [];
  const ask: Ask = async (question) => {
    asked.push(question);
    return answers.shift() ?? null;
  };
  return { ask, asked };
}

describe('what the user is asked before anything begins', () => {
  it('says who offers what, without what a terminal would act on', () => {
    const entries = [file('a.txt', 1500), file('\u001b[2J'), { path: ['b'], folder: true, executable: false }];
    expect(describeOffer(entries, { peer: 'ali\u001bce', target: '/inbox' })).toBe(
      'ali\\u001bce offers 2 files, 1.5 KB, for /inbox:\n  a.txt, 1.5 KB\n  \\u001b[2J',
    );
    const many = Array.from({ length: 12 }, (_, at) => file(`${at}`, 1));
    expect(describeOffer(many, policy)).toMatch(/ 9, 1 B\n {2}and 2 more$/);
  });

  it.each(['y', 'Y', ' yes '])('%j is a yes', async (answer) => {
    await questionsOf(answering(answer).ask, policy).begin([file('a')], over);
  });

  it.each(['', 'n', 'yep', null])('%j is none', async (answer) => {
    const { begin } = questionsOf(answering(answer).ask, policy);
    await expect(begin([file('a')], over)).rejects.toMatchObject({ fault: 'declined' });
  });

  it('--yes is not asked, and nobody is no yes', async () => {
    await questionsOf(null, { ...policy, yes: true }).begin([file('a')], over);
    await expect(questionsOf(null, policy).begin([file('a')], over)).rejects.toMatchObject({ fault: 'declined' });
  });
});

describe('what the user is asked about a name that is taken', () => {
  it('is asked until there is an answer, for this file or all that follow', async () => {
    const { ask, asked } = answering('what?', 'r', 'S');
    const { taken } = questionsOf(ask, policy);
    expect([await taken('a', over), await taken('b', over), await taken('c', over)]).toEqual([
      'rename',
      'skip',
      'skip',
    ]);
    expect(asked.map((question) => question.slice(0, 8))).toEqual(['a exists', 'a exists', 'b exists']);
  });

  it('may end the transfer', async () => {
    await expect(questionsOf(answering('q').ask, policy).taken('a', over)).rejects.toMatchObject({ fault: 'declined' });
    await expect(questionsOf(answering(null).ask, policy).taken('a', over)).rejects.toMatchObject({
      fault: 'declined',
    });
    await expect(questionsOf(null, policy).taken('a', over)).rejects.toMatchObject({ fault: 'exists' });
  });
});
