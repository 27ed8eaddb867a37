import { createInterface } from 'node:readline/promises';
import type { Answer, Questions } from './files/incoming-files.ts';
import { shownPath } from './files/names.ts';
import { visible } from './table.ts';
import { TransferError } from './transfer/errors.ts';
import type { Entry } from './transfer/records.ts';
import { roughBytes } from './units.ts';

/** Names that are shown of an offer. */
const SHOWN = 10;

export interface Policy {
  /** Begin without asking. */
  readonly yes: boolean;
  /** What to do with names that are taken; null: ask, or refuse where nobody can be asked. */
  readonly taken: Answer | null;
  /** Of the sender, as the relay attests it. */
  readonly peer: string;
  readonly target: string;
}

/** Asks one line of the user; null at the end of the input. */
export type Ask = (question: string, over: AbortSignal) => Promise<string | null>;

/** What a user is asked about an offer; `ask` is null where there is nobody. */
export function questionsOf(ask: Ask | null, policy: Policy): Questions {
  let forAll = policy.taken;
  return {
    begin: async (entries, over) => {
      if (policy.yes) return;
      const offer = describeOffer(entries, policy);
      const answer = await ask?.(`${offer}\nReceive? [y/N] `, over);
      if (!/^y(es)?$/i.test(answer?.trim() ?? '')) throw new TransferError('declined', 'the receiver declined');
    },
    taken: async (path, over) => {
      if (forAll !== null) return forAll;
      for (let tries = 0; ask !== null && tries < 5; tries++) {
        const answer = await ask(`${path} exists. [o]verwrite, [r]ename, [s]kip (capital: all), [q]uit? `, over);
        const letter = answer?.trim().charAt(0) ?? 'q';
        if (letter.toLowerCase() === 'q') throw new TransferError('declined', 'the receiver declined');
        const chosen = ANSWERS.get(letter.toLowerCase());
        if (chosen === undefined) continue;
        if (letter !== letter.toLowerCase()) forAll = chosen;
        return chosen;
      }
      throw new TransferError('exists', `${path} exists at the receiver: --overwrite or --rename decides there`);
    },
  };
}

const ANSWERS: ReadonlyMap<string, Answer> = new Map([
  ['o', 'overwrite'],
  ['r', 'rename'],
  ['s', 'skip'],
]);

/** What the user decides about: names, sizes, from whom and where to. */
export function describeOffer(entries: readonly Entry[], { peer, target }: Pick<Policy, 'peer' | 'target'>): string {
  const files = entries.filter(({ folder }) => !folder);
  const shown = files
    .slice(0, SHOWN)
    .map(({ path, size }) => `  ${shownPath(path)}${size === undefined ? '' : `, ${roughBytes(size)}`}`);
  if (files.length > SHOWN) shown.push(`  and ${files.length - SHOWN} more`);
  const sizes = files.map(({ size }) => size ?? 0);
  const total = roughBytes(sizes.reduce((sum, size) => sum + size, 0));
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  return [`${visible(peer)} offers ${count}, ${total}, for ${target}:`, ...shown].join('\n');
}

/** Asks on the terminal. */
export const askTerminal: Ask = async (question, over) => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  let isAnswered = false;
  // What is said next begins a line of its own.
  const leave = (): void => {
    if (!isAnswered) process.stderr.write('\n');
    isAnswered = true;
  };
  // Ctrl-C at the question is the same as at any other time.
  lines.on('SIGINT', () => {
    leave();
    process.kill(process.pid, 'SIGINT');
  });
  over.addEventListener('abort', leave, { once: true });
  try {
    const ended = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
    const answer = await Promise.race([lines.question(question, { signal: over }), ended]);
    isAnswered = answer !== null;
    return answer;
  } finally {
    leave();
    over.removeEventListener('abort', leave);
    lines.close();
  }
};
