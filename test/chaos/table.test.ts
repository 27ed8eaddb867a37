import { expect, it } from 'vitest';
import type { RoundResult } from './round.ts';
import { Table } from './table.ts';

function round(fault: string, rest: Partial<RoundResult>): RoundResult {
  const nothing = {
    messages: 0,
    refused: 0,
    refusals: 0,
    violations: [],
    injected: 1,
    late: 0,
    crossing: 1,
    longestOutageMs: 0,
    longestLocalPauseMs: 0,
  };
  return { ...nothing, fault, complaints: [], histories: [], ...rest };
}

it('adds the rounds of each fault up', () => {
  const table = new Table();
  const violation = { from: 'alice', to: 'bob', id: 1, at: 0, detail: '' };
  table.add(round('hop', { messages: 10, refused: 1, refusals: 2, late: 1, longestOutageMs: 30.4 }));
  table.add(round('cut', { messages: 5, longestLocalPauseMs: 7, violations: [{ ...violation, kind: 'lost' }] }));
  table.add(round('hop', { messages: 10, violations: [{ ...violation, kind: 'reordered' }], longestOutageMs: 20 }));
  expect(
    table
      .toString()
      .split('\n')
      .map((line) => line.split(/ {2,}/).join('|')),
  ).toEqual([
    'fault|times|messages|refused|lost|repeated|reordered|corrupted|unanswered|refused late|longest outage, ms|longest pause within a node, ms',
    'hop|2|20|3|0|0|1|0|0|1|30|0',
    'cut|1|5|0|1|0|0|0|0|0|0|7',
    'all|3|25|3|1|0|1|0|0|1|30|7',
  ]);
});
