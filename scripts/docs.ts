/** `npm run docs`: writes the pages that are generated from tables. With `--check` it only says what is stale (exit 1). */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DASHBOARDS } from '../grafana/dashboards.ts';
import { renderConfigurationDoc } from '../services/relay/src/config-doc.ts';
import { renderOpenApi } from '../services/relay/src/openapi-doc.ts';
import { renderMetricsDoc } from '../services/relay/src/telemetry/doc.ts';

const PAGES: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': renderConfigurationDoc,
  'docs/metrics.md': renderMetricsDoc,
  'docs/openapi.json': renderOpenApi,
  ...Object.fromEntries(Object.entries(DASHBOARDS).map(([file, render]) => [`grafana/dashboards/${file}`, render])),
};

const [option, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (option !== undefined && option !== '--check')) {
  console.error('usage: node scripts/docs.ts [--check]');
  process.exit(64);
}

const root = new URL('../', import.meta.url);
for (const [page, render] of Object.entries(PAGES)) {
  const file = fileURLToPath(new URL(page, root));
  const content = render();
  if (read(file) === content) continue;
  if (option === '--check') {
    console.error(`${page} is stale: run \`npm run docs\``);
    process.exitCode = 1;
  } else {
    writeFileSync(file, content);
    console.log(`wrote ${page}`);
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
