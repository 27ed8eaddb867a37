/**
 * `node scripts/build.ts <folder>`: the services and the command as JavaScript, for machines that do not need the sources.
 * The folders are those of the repository, so that node_modules of its workspaces fit beside them.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { argv, execPath, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMMAND = 'packages/cli/src/main.js';

const [folder] = argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/build.ts <folder>');
  exit(64);
}
const out = resolve(folder);

compile();
for (const path of globSync('services/*/src/**/*.lua', { cwd: ROOT })) cpSync(join(ROOT, path), join(out, path));
for (const path of globSync('{packages,services}/*/package.json', { cwd: ROOT })) writeManifest(path);
cpSync(join(ROOT, 'LICENSE'), join(out, 'LICENSE'));
linkCommand();

function compile(): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(execPath, [tsc, '-p', join(ROOT, 'scripts/build.tsconfig.json'), '--outDir', out], { stdio: 'inherit' });
}

/** In the repository it names TypeScript sources; here, what lies in their place. */
function writeManifest(path: string): void {
  const text = readFileSync(join(ROOT, path), 'utf8').replaceAll(/("\.\/src\/[\w./-]+)\.ts"/g, '$1.js"');
  mkdirSync(dirname(join(out, path)), { recursive: true });
  writeFileSync(join(out, path), text);
}

function linkCommand(): void {
  mkdirSync(join(out, 'bin'), { recursive: true });
  chmodSync(join(out, COMMAND), 0o755);
  symlinkSync(join('..', COMMAND), join(out, 'bin/causeway'));
}
