// Builds @causeway/protocol, @causeway/client and @causeway/cli as they are published, and packs each:
//   node packages/client/scripts/pack.ts <outdir>
// In the repository their package.json point at the TypeScript sources; in the tarballs, at what tsc made of them.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { argv, execPath, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PACKAGES = ['protocol', 'client', 'cli'] as const;

type Manifest = Record<string, unknown> & {
  exports?: Record<string, string | Record<string, string>>;
  bin?: Record<string, string>;
};

const [outDir] = argv.slice(2);
if (outDir === undefined) {
  console.error('usage: node packages/client/scripts/pack.ts <outdir>');
  exit(64);
}
const out = resolve(outDir);
mkdirSync(out, { recursive: true });
const staging = mkdtempSync(join(tmpdir(), 'causeway-pack-'));
try {
  build(join(staging, 'build'));
  for (const name of PACKAGES) console.log(pack(name));
} finally {
  rmSync(staging, { recursive: true, force: true });
}

function build(buildDir: string): void {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = fileURLToPath(new URL('tsconfig.json', import.meta.url));
  execFileSync(execPath, [tsc, '-p', project, '--outDir', buildDir], { stdio: 'inherit' });
}

/** Returns the path of the tarball. */
function pack(name: (typeof PACKAGES)[number]): string {
  const source = join(ROOT, 'packages', name);
  const target = join(staging, name);
  mkdirSync(target);
  cpSync(join(staging, 'build', name, 'src'), join(target, 'dist'), { recursive: true });
  for (const file of [join(source, 'README.md'), join(ROOT, 'LICENSE')]) {
    if (existsSync(file)) cpSync(file, join(target, file.slice(file.lastIndexOf('/') + 1)));
  }
  const manifest = published(JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as Manifest);
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const file of Object.values(manifest.bin ?? {})) chmodSync(join(target, file), 0o755);
  const listing = execFileSync('npm', ['pack', '--json', '--pack-destination', out], { cwd: target, encoding: 'utf8' });
  const [packed] = JSON.parse(listing) as [{ filename: string }];
  return join(out, packed.filename);
}

function published(manifest: Manifest): Manifest {
  const { devDependencies: _, private: __, exports, bin, ...rest } = manifest;
  return {
    ...rest,
    ...(exports && { exports: mapValues(exports, builtExport) }),
    ...(bin && { bin: mapValues(bin, built) }),
    files: ['dist'],
  };
}

function builtExport(entry: string | Record<string, string>): Record<string, unknown> {
  if (typeof entry !== 'string') return mapValues(entry, builtExport);
  return { types: built(entry).replace(/\.js$/, '.d.ts'), default: built(entry) };
}

function built(path: string): string {
  return path.replace(/^\.\/src\/(.*)\.ts$/, './dist/$1.js');
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
