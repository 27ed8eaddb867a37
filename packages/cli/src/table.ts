import Table from 'cli-table3';

export type Cell = string | number;

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Cell;
  readonly align?: 'left' | 'right';
  /** Columns of the screen; what is longer is cut. Default: as many as are needed. */
  readonly width?: number;
}

const NO_LINES = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right', 'left']
    .concat(['left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((name) => [name, '']),
);
const GAP = 2;
const STYLE = { head: [], border: [], 'padding-left': 0, 'padding-right': GAP };

/** Columns under their heads; `none` when there are no rows. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], none = 'none'): string {
  if (rows.length === 0) return none;
  const drawn = new Table({
    chars: NO_LINES,
    style: STYLE,
    head: columns.map(({ head }) => head),
    colWidths: columns.map(({ width }) => (width === undefined ? null : width + GAP)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
  });
  drawn.push(...rows.map((row) => columns.map(({ cell }) => visible(String(cell(row))))));
  return trimmed(drawn.toString());
}

/** One line for each name and its value. */
export function pairs(entries: readonly (readonly [name: string, value: Cell])[]): string {
  const drawn = new Table({ chars: NO_LINES, style: STYLE });
  drawn.push(...entries.map(([name, value]) => [name, visible(String(value))]));
  return trimmed(drawn.toString());
}

/** Text of others on a terminal: what that would act on is shown as an escape, and a line stays one. */
export function visible(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Bidi_Control}/gu, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

function trimmed(text: string): string {
  return text.replaceAll(/ +$/gm, '');
}
