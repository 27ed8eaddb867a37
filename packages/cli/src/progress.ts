import stringWidth from 'string-width';
import { roughBytes, roughDuration } from './units.ts';

/** Milliseconds that a rate looks back. */
const WINDOW_MS = 5000;
/** Milliseconds between two samples of it. */
const SAMPLE_MS = 250;

/** Bytes a second over the last seconds. */
export class Rate {
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** @param bytes in all, at `at` milliseconds on any clock that only goes forward */
  add(at: number, bytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < SAMPLE_MS) return;
    this.#samples.push({ at, bytes });
    while ((this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
  }

  /** Null until there is something to tell. */
  perSecond(at: number, bytes: number): number | null {
    const [first] = this.#samples;
    if (first === undefined || at - first.at < SAMPLE_MS) return null;
    return ((bytes - first.bytes) * 1000) / (at - first.at);
  }
}

export interface ProgressState {
  readonly name: string;
  readonly bytes: number;
  /** Null: it ends when it ends. */
  readonly total: number | null;
  readonly perSecond: number | null;
}

const BAR_COLUMNS = 24;
const MIN_NAME_COLUMNS = 8;

/** One line of at most `columns` columns. */
export function progressLine({ name, bytes, total, perSecond }: ProgressState, columns: number): string {
  const parts = [total === null ? roughBytes(bytes) : `${roughBytes(bytes)} of ${roughBytes(total)}`];
  if (perSecond !== null) parts.push(`${roughBytes(perSecond)}/s`);
  if (perSecond && total !== null && bytes < total) {
    parts.push(`${roughDuration(((total - bytes) * 1000) / perSecond)} left`);
  }
  const share = total === null ? null : total === 0 ? 1 : Math.min(1, bytes / total);
  const percent = share === null ? '' : `${String(Math.floor(share * 100)).padStart(3)} %  `;
  const numbers = `${percent}${parts.join('  ')}`;
  const filled = Math.round((share ?? 0) * BAR_COLUMNS);
  const bar = share === null ? '' : `[${'#'.repeat(filled)}${'-'.repeat(BAR_COLUMNS - filled)}]`;
  const room = columns - stringWidth(numbers) - 2;
  const hasBar = bar !== '' && room - bar.length - 2 >= MIN_NAME_COLUMNS;
  const nameRoom = hasBar ? room - bar.length - 2 : room;
  if (nameRoom < MIN_NAME_COLUMNS) return fit(numbers, columns);
  return [fit(name, nameRoom), ...(hasBar ? [bar] : []), numbers].join('  ');
}

/** The beginning of a text, as far as it goes into so many columns. */
export function fit(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let shown = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(shown + segment) > columns - 1) break;
    shown += segment;
  }
  return `${shown}…`;
}
