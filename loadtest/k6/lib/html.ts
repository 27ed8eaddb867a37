import { type Report, shown } from './report.ts';

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
  table { border-collapse: collapse; margin: 1rem 0; width: 100% }
  th, td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: right; font-variant-numeric: tabular-nums }
  th:first-child, td:first-child { text-align: left }
  .ok { color: #17713a } .missed { color: #b3261e; font-weight: bold }
  .bar { background: #3274d9; height: .7rem; min-width: 1px } td.wide { width: 40% }`;
/** Of a distribution, in the order in which they are drawn. */
const POINTS = ['min', 'med', 'avg', 'p(90)', 'p(99)', 'p(99.9)', 'max'];

const MARKUP: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => MARKUP[char] as string);

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = headings.map((heading) => `<th>${heading}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n');
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

const cell = (text: string, kind = ''): string => `<td${kind && ` class="${kind}"`}>${text}</td>`;

/** Milliseconds by point, each as a bar. */
function distribution(name: string, values: Readonly<Record<string, number>>): string {
  const most = values.max || 1;
  const rows = POINTS.filter((point) => values[point] !== undefined).map((point) => {
    const value = values[point] as number;
    const width = Math.max(0, (100 * value) / most).toFixed(1);
    return [cell(point), cell(shown(value)), cell(`<div class="bar" style="width:${width}%"></div>`, 'wide')];
  });
  return `<h3>${escaped(name)}</h3>\n${table(['', 'ms', `of ${shown(values.count ?? 0)}`], rows)}`;
}

/** One page that needs nothing from elsewhere. */
export function page({ scenario, seconds, settings, passed, checks, metrics }: Report): string {
  const all = Object.entries(metrics);
  const trends = all.filter(([, values]) => values['p(99)'] !== undefined);
  const others = all.filter(([, values]) => values['p(99)'] === undefined);
  const title = `Causeway under load: ${escaped(scenario)}`;
  const given = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const outcome = passed
    ? '<p class="ok">All thresholds are met.</p>'
    : '<p class="missed">Thresholds were missed.</p>';
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head><body>`,
    `<h1>${title}</h1>`,
    `<p>${seconds.toFixed(1)} s; ${escaped(given.join(', '))}</p>`,
    outcome,
    '<h2>Thresholds</h2>',
    table(
      ['metric', 'threshold', ''],
      checks.map(({ metric, threshold, ok }) => [
        cell(escaped(metric)),
        cell(escaped(threshold)),
        cell(ok ? 'met' : 'missed', ok ? 'ok' : 'missed'),
      ]),
    ),
    '<h2>Latency</h2>',
    ...trends.map(([name, values]) => distribution(name, values)),
    '<h2>Counts</h2>',
    table(
      ['metric', 'values'],
      others.map(([name, values]) => [
        cell(escaped(name)),
        cell(
          Object.entries(values)
            .map(([key, value]) => `${escaped(key)} ${shown(value)}`)
            .join(', '),
        ),
      ]),
    ),
    '</body></html>\n',
  ].join('\n');
}
