import type { Series } from './prometheus.ts';

export interface Drawn {
  readonly title: string;
  readonly series: readonly Series[];
}

/** A moment that is marked in all panels: what began then, in seconds since 1970. */
export interface Mark {
  readonly name: string;
  readonly at: number;
}

const COLUMNS = 3;
const WIDTH = 320;
const HEIGHT = 150;
const TOP = 50;
const PLOT = { left: 46, top: 26, width: WIDTH - 60, height: HEIGHT - 50 };
const COLORS = ['#3274d9', '#e0752d', '#299c46', '#a352cc', '#e02f44', '#b8860b', '#1f78c1', '#6d4c41'];
const MOST_SERIES = 12;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** As `1.2k`, three digits at most. */
function short(value: number): string {
  const [divisor, suffix] = (
    [
      [1e9, 'G'],
      [1e6, 'M'],
      [1e3, 'k'],
    ] as const
  ).find(([one]) => Math.abs(value) >= one) ?? [1, ''];
  return `${Number((value / divisor).toPrecision(3))}${suffix}`;
}

function panel({ title, series }: Drawn, from: number, to: number, marks: readonly Mark[]): string {
  const values = series.flatMap((one) => [...one.values.values()]);
  const [low, high] = [Math.min(0, ...values), Math.max(...values, Number.MIN_VALUE)];
  const x = (at: number): string => (PLOT.left + ((at - from) / (to - from)) * PLOT.width).toFixed(1);
  const y = (value: number): string => (PLOT.top + (1 - (value - low) / (high - low)) * PLOT.height).toFixed(1);
  const lines = series.slice(0, MOST_SERIES).map((one, index) => {
    const path = [...one.values].map(([at, value], i) => `${i === 0 ? 'M' : 'L'}${x(at)} ${y(value)}`).join('');
    return `<path d="${path}" fill="none" stroke="${COLORS[index % COLORS.length]}" stroke-width="1.2"/>`;
  });
  const rules = marks.map(
    ({ at }) => `<path d="M${x(at)} ${PLOT.top}v${PLOT.height}" stroke="#999" stroke-dasharray="2 3"/>`,
  );
  const ticks = [low, high].map(
    (value) => `<text x="${PLOT.left - 4}" y="${Number(y(value)) + 4}" text-anchor="end">${short(value)}</text>`,
  );
  const frame = `<rect width="${WIDTH - 8}" height="${HEIGHT - 8}" rx="3" fill="#fff" stroke="#ddd"/>`;
  return `${frame}<text x="8" y="17" font-weight="bold">${escaped(title)}</text>${rules.join('')}${lines.join('')}${ticks.join('')}`;
}

/** The panels of a dashboard over the time of a run, as SVG. */
export function draw(
  caption: string,
  panels: readonly Drawn[],
  from: number,
  to: number,
  marks: readonly Mark[],
): string {
  const height = TOP + Math.ceil(panels.length / COLUMNS) * HEIGHT;
  const all = panels.map((one, index) => {
    const [column, row] = [index % COLUMNS, Math.floor(index / COLUMNS)];
    return `<g transform="translate(${8 + column * WIDTH} ${TOP + row * HEIGHT})">${panel(one, from, to, marks)}</g>`;
  });
  const legend = marks.map(({ name, at }) => `${name} ${at - from} s`).join(', ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${8 + COLUMNS * WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>${escaped(caption)}</title>`,
    `<rect width="100%" height="100%" fill="#f4f5f5"/>`,
    `<text x="8" y="20" font-size="15">${escaped(caption)}</text>`,
    `<text x="8" y="38" fill="#666">dashed: ${escaped(legend)}</text>`,
    ...all,
    '</svg>\n',
  ].join('\n');
}
