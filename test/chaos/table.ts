import { countOf, VIOLATIONS } from './checker.ts';
import type { RoundResult } from './round.ts';

/** What the rounds of one fault came to. */
interface Row {
  injected: number;
  messages: number;
  refused: number;
  readonly violations: number[];
  longestOutageMs: number;
}

const HEADINGS = ['fault', 'times', 'messages', 'refused', ...VIOLATIONS, 'longest outage, ms'];

/** Adds rounds up and prints them, a line for each fault. */
export class Table {
  readonly #rows = new Map<string, Row>();

  add(result: RoundResult): void {
    const { fault, injected, messages, refused, refusals, longestOutageMs } = result;
    const row = this.#row(fault);
    row.injected += injected;
    row.messages += messages;
    row.refused += refused + refusals;
    row.longestOutageMs = Math.max(row.longestOutageMs, longestOutageMs);
    for (const [index, kind] of VIOLATIONS.entries()) row.violations[index] = this.#count(row, index, kind, result);
  }

  toString(): string {
    const rows = [...this.#rows].map(([fault, { injected, messages, refused, violations, longestOutageMs }]) =>
      [fault, injected, messages, refused, ...violations, Math.round(longestOutageMs)].map(String),
    );
    const all = [HEADINGS, ...rows];
    const widths = HEADINGS.map((_, column) => Math.max(...all.map((cells) => (cells[column] as string).length)));
    const line = (cells: readonly string[]): string =>
      cells
        .map((cell, column) => {
          const width = widths[column] as number;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ');
    return all.map(line).join('\n');
  }

  #row(fault: string): Row {
    const known = this.#rows.get(fault);
    if (known !== undefined) return known;
    const row = { injected: 0, messages: 0, refused: 0, violations: VIOLATIONS.map(() => 0), longestOutageMs: 0 };
    this.#rows.set(fault, row);
    return row;
  }

  #count(row: Row, index: number, kind: (typeof VIOLATIONS)[number], result: RoundResult): number {
    return (row.violations[index] ?? 0) + countOf(kind, result);
  }
}
