import type { Violation } from './checker.ts';
import type { History } from './history.ts';

/** Milliseconds before and after. */
const AROUND_MS = 400;

interface Line {
  readonly at: number;
  readonly text: string;
}

/** Consecutive ids as ranges: `5-7, 9`. */
function ranges(ids: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const id of ids) {
    const last = runs.at(-1);
    if (last?.[1] === id - 1) last[1] = id;
    else runs.push([id, id]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}

/** Events of one kind that follow each other become one line. */
class Story {
  readonly #events: { readonly at: number; readonly kind: string; readonly id: number | null }[] = [];

  add(at: number, kind: string, id: number | null): void {
    this.#events.push({ at, kind, id });
  }

  lines(): Line[] {
    const lines: { at: number; kind: string; ids: number[] }[] = [];
    for (const { at, kind, id } of this.#events.sort((a, b) => a.at - b.at)) {
      const last = lines.at(-1);
      const line = last?.kind === kind && id !== null ? last : { at, kind, ids: [] };
      if (line !== last) lines.push(line);
      if (id !== null) line.ids.push(id);
    }
    return lines.map(({ at, kind, ids }) => ({ at, text: `${kind} ${ranges(ids)}`.trim() }));
  }
}

/** What happened between the two peers of a violation around its time, for people. */
export function narrate({ from, to, id, at }: Violation, histories: readonly History[]): string {
  const story = new Story();
  const sentAt = histories.flatMap(({ peer, sent }) => (peer === from ? sent : [])).find((one) => one.id === id)?.at;
  const first = Math.min(sentAt ?? at, at) - AROUND_MS;
  const add = (when: number, kind: string, one: number | null): void => {
    if (when >= first && when <= at + AROUND_MS) story.add(when, kind, one);
  };
  for (const { peer, sent, outcomes, shown, connections } of histories) {
    const ids = new Set(peer === from ? sent.filter((one) => one.to === to).map((one) => one.id) : []);
    for (const one of sent) if (ids.has(one.id)) add(one.at, 'sent', one.id);
    for (const one of outcomes) if (ids.has(one.id)) add(one.at, `told ${one.status}`, one.id);
    if (peer === to) {
      for (const one of shown) if (one.from === from) add(one.at, one.stored ? 'shown, stored,' : 'shown', one.id);
    }
    if (peer !== from && peer !== to) continue;
    for (const one of connections) add(one.at, `${peer === from ? 'sender' : 'recipient'} on ${one.node}`, null);
  }
  return story
    .lines()
    .map((line) => `${line.at.toFixed(1).padStart(12)}  ${line.text}`)
    .join('\n');
}
