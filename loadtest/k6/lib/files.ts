import { page } from './html.ts';
import { type About, asText, type Data, toReport } from './report.ts';

/** What `handleSummary` returns: contents by file, in an existing folder; without one, only text for the terminal. */
export function files(data: Data, about: About, folder: string): Record<string, string> {
  const report = toReport(data, about);
  const text = asText(report);
  if (folder === '') return { stdout: text };
  return {
    stdout: text,
    [`${folder}/summary.txt`]: text,
    [`${folder}/summary.json`]: `${JSON.stringify(report, null, 1)}\n`,
    [`${folder}/summary.html`]: page(report),
  };
}
