import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { NO_K6 } from '../../kit/k6.ts';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/k6.ts', import.meta.url));

/** Its exit code and all that it printed. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<[number, string]> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env }, (_, stdout, stderr) =>
      resolve([child.exitCode ?? -1, `${stdout}${stderr}`]),
    );
  });
}

describe('npm run k6', () => {
  const servers = new Scope();
  const out = mkdtempSync(join(tmpdir(), 'causeway-k6-'));
  afterAll(async () => {
    rmSync(out, { recursive: true });
    await servers.end();
  });

  test('says what to install where k6 is missing', async () => {
    const [code, output] = await run(['smoke'], { PATH: out });
    expect([code, output]).toEqual([69, expect.stringContaining('go install go.k6.io/k6@')]);
  });

  test.each([[[]], [['nonsense']], [['smoke', '-e', 'RATE']], [['smoke', '--rate', '1']]])(
    'refuses %j',
    async (args) => {
      const [code, output] = await run(args);
      expect([code, output]).toEqual([64, expect.stringContaining('npm run k6 -- <scenario>')]);
    },
  );

  test.skipIf(NO_K6 !== null)('shows progress, leaves reports with what k6 took, and ends with its code', async () => {
    const relay = servers.keep(await startRelay());
    const args = ['smoke', '--urls', relay.url, '--out', out, '-e', 'SECONDS=1'];
    const [code, output] = await run(args);
    expect([code, output]).toEqual([0, expect.stringContaining('All thresholds are met.')]);
    expect(output).toMatch(/^running \(/m);
    expect(readdirSync(out).sort()).toEqual(['summary.html', 'summary.json', 'summary.txt']);
    const report = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'));
    expect(report.settings).toMatchObject({ relays: 1, SECONDS: 1 });
    expect(report.used.k6.cpuSeconds).toBeGreaterThan(0);
    expect(report.used.k6.peakMiB).toBeGreaterThan(1);
    const [missed] = await run([...args, '-e', 'RATE=0', '-e', 'STORED=0']);
    expect(missed).toBe(99);
  });
});
