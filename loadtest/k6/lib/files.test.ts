import { expect, test } from 'vitest';
import { files } from './files.ts';
import type { Data } from './report.ts';

const DATA: Data = {
  state: { testRunDurationMs: 5200 },
  metrics: {
    messages_lost: {
      type: 'counter',
      contains: 'default',
      values: { rate: 0.4, count: 2 },
      thresholds: { 'count==0': { ok: false } },
    },
    receipt_latency: {
      type: 'trend',
      contains: 'time',
      values: { max: 120, count: 9, med: 1.234, 'p(99)': 60 },
      thresholds: { 'p(99)<100': { ok: true } },
    },
    iterations: { type: 'counter', contains: 'default', values: { count: 1 } },
  },
};
const ABOUT = { scenario: 'smoke', settings: { RATE: 50, note: '<b>&"' } };

test('a run is reported as text, JSON and HTML', () => {
  const {
    stdout = '',
    'out/summary.txt': text,
    'out/summary.json': json = '',
    'out/summary.html': html = '',
  } = files(DATA, ABOUT, 'out');
  expect(text).toBe(stdout);
  expect(stdout).toContain('MISSED  messages_lost: count==0');
  expect(stdout).toContain('ok      receipt_latency: p(99)<100');
  expect(stdout).toContain('count=9  med=1.23  p(99)=60  max=120');
  expect(JSON.parse(json)).toEqual({
    ...ABOUT,
    seconds: 5.2,
    passed: false,
    checks: [
      { metric: 'messages_lost', threshold: 'count==0', ok: false },
      { metric: 'receipt_latency', threshold: 'p(99)<100', ok: true },
    ],
    metrics: {
      messages_lost: { count: 2, rate: 0.4 },
      receipt_latency: { count: 9, med: 1.234, 'p(99)': 60, max: 120 },
    },
  });
  expect(html).toContain('<p class="missed">Thresholds were missed.</p>');
  expect(html).toContain('<td>p(99)</td><td>60</td><td class="wide"><div class="bar" style="width:50.0%"></div></td>');
});

test('the page is closed in itself, and nothing in it can become markup', () => {
  const html = files(DATA, ABOUT, 'out')['out/summary.html'] ?? '';
  expect(html).toContain('note &lt;b&gt;&amp;&quot;');
  expect(html).not.toMatch(/<script|src=|href=|url\(|@import/);
  const names = (pattern: RegExp) => [...html.matchAll(pattern)].map(([, name]) => name).sort();
  const opened = names(/<([a-z]\w*)[ >]/g).filter((name) => name !== 'meta');
  expect(names(/<\/([a-z]\w*)>/g)).toEqual(opened);
});

test('without a folder there is text alone', () => {
  expect(Object.keys(files(DATA, ABOUT, ''))).toEqual(['stdout']);
});
