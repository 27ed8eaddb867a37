/** The unit as systemd itself reads it, and its settings against those of the relay. No service manager runs here. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExitCode } from '@causeway/service-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadRelayConfig } from '../../../services/relay/src/config.ts';
import { mustRun, run } from '../../e2e/run.ts';
import { missing, titled } from './programs.ts';

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));
const UNIT = readFileSync(join(DEPLOY, 'systemd/causeway.service'), 'utf8');
const SLACK_SECONDS = 5;
/** Tenths of systemd's own figure, from 0 (nothing is left to take away) to 100. */
const MOST_EXPOSURE = 15;
const NO_SYSTEMD = missing('systemd-analyze');

const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(UNIT)?.[1] ?? '';

test('the example of its environment is a configuration, and a stop leaves time for the drain', () => {
  const lines = readFileSync(join(DEPLOY, 'systemd/relay.env.example'), 'utf8').split('\n');
  const pairs = lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s, 2));
  const loaded = loadRelayConfig(Object.fromEntries(pairs));
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  expect(Number(setting('TimeoutStopSec'))).toBeGreaterThan(loaded.config.drainSeconds + SLACK_SECONDS);
  expect([setting('KillSignal'), setting('KillMode')]).toEqual(['SIGTERM', 'mixed']);
});

test('it starts what the build puts there, and does not repeat what is hopeless', () => {
  const dockerfile = readFileSync(join(DEPLOY, 'Dockerfile'), 'utf8');
  const [, main] = /^ENTRYPOINT \["node", "(.*)"\]$/m.exec(dockerfile) ?? [];
  expect(setting('ExecStart')).toBe(`/usr/bin/node ${main}`);
  expect(setting('RestartPreventExitStatus')).toBe(String(ExitCode.badConfig));
});

describe.skipIf(NO_SYSTEMD)(titled('systemd-analyze', NO_SYSTEMD), () => {
  let folder: string;
  let unit: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-systemd-'));
    unit = join(folder, 'causeway.service');
    // This machine's Node may lie elsewhere, and systemd looks whether it is there.
    writeFileSync(unit, UNIT.replace('/usr/bin/node', process.execPath));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('understands every line', async () => {
    expect(await run('systemd-analyze', ['verify', '--man=no', unit])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('finds little left to take away', async () => {
    await mustRun('systemd-analyze', [
      'security',
      '--offline=true',
      `--threshold=${MOST_EXPOSURE}`,
      '--no-pager',
      unit,
    ]);
  });
});
