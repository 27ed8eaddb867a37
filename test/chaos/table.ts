import { countOf, VIOLATIONS } from './checker.ts';
import type { RoundResult } from './round.ts';

/** What the rounds of one fault came to. */
interface Row {
  injected: number;
  messages: number;
  refused: number;
  readonly violations: number[];
  late: number;
  longestOutageMs: number;
  longestLocalPauseMs: number;
}

const HEADINGS = [
  ...['fault', 'times', 'messages', 'refused', ...VIOLATIONS],
  ...['refused late', 'longest outage, ms', 'longest pause within a node, ms'],
];

/** Adds rounds up and prints them, a line for each fault. */
export class Table {
  readonly #rows = new Map<string, Row>();

  add(result: RoundResult): void {
    const { fault, injected, messages, refused, refusals, late, longestOutageMs, longestLocalPauseMs } = result;
    const row = this.#row(fault);
    row.injected += injected;
    row.messages += messages;
    row.refused += refused + refusals;
    row.late += late;
    row.longestLocalPauseMs = Math.max(row.longestLocalPauseMs, longestLocalPauseMs);
    row.longestOutageMs = Math.max(row.longestOutageMs, longestOutageMs);
    for (const [index, kind] of VIOLATIONS.entries()) row.violations[index] = this.#count(row, index, kind, result);
  }

  toString(): string {
    const rows = [...this.#rows].map(([fault, row]) => cellsOf(fault, row));
    if (rows.length > 1) rows.push(cellsOf('all', this.#total()));
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
    const row = this.#rows.get(fault) ?? emptyRow();
    this.#rows.set(fault, row);
    return row;
  }

  #total(): Row {
    const total = emptyRow();
    for (const row of this.#rows.values()) {
      total.injected += row.injected;
      total.messages += row.messages;
      total.refused += row.refused;
      total.late += row.late;
      total.longestOutageMs = Math.max(total.longestOutageMs, row.longestOutageMs);
      total.longestLocalPauseMs = Math.max(total.longestLocalPauseMs, row.longestLocalPauseMs);
      for (const [index, count] of row.violations.entries())
        total.violations[index] = (total.violations[index] ?? 0) + count;
    }
    return total;
  }

  #count(row: Row, index: number, kind: (typeof VIOLATIONS)[number], result: RoundResult): number {
    return (row.violations[index] ?? 0) + countOf(kind, result);
  }
}

function emptyRow(): Row {
  return {
    injected: 0,
    messages: 0,
    refused: 0,
    violations: VIOLATIONS.map(() => 0),
    late: 0,
    longestOutageMs: 0,
    longestLocalPauseMs: 0,
  };
}

function cellsOf(fault: string, { injected, messages, refused, violations, late, ...longest }: Row): string[] {
  const times = [longest.longestOutageMs, longest.longestLocalPauseMs].map(Math.round);
  return [fault, injected, messages, refused, ...violations, late, ...times].map(String);
}
