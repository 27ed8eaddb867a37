// Runs before `npm start`, `npm test` and others, on whatever Node the machine has (>= 20), with nothing installed yet.
// It brings node_modules in line with the lock file, among them the Node that the scripts then run on (node_modules/.bin
// comes first on the PATH of npm scripts). `--redis` also sees to a redis-server; `--record` only notes that what is
// installed is what the lock file says, for use after `npm install`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MIN_REDIS_MAJOR = 7;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const PINNED_NODE = join(MODULES, '.bin', 'node');
const HASH_FILE = join(MODULES, '.causeway-lock-hash');

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Manifests of the root and of every workspace (`dir` or `dir/*`), in a stable order. */
function manifests() {
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const folders = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!existsSync(join(ROOT, parent))) return [];
    return readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`);
  });
  return ['package.json', ...folders.sort().map((folder) => `${folder}/package.json`)];
}

/** Manifests count as well: a workspace without dependencies may come or go without a trace in the lock file. */
function lockHash() {
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', ...manifests()]) {
    const path = join(ROOT, file);
    if (existsSync(path)) hash.update(`${file}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function pinnedNodeRuns() {
  if (!existsSync(PINNED_NODE)) return false;
  if (realpathSync(PINNED_NODE) === realpathSync(process.execPath)) return true;
  return spawnSync(PINNED_NODE, ['--version'], { stdio: 'ignore' }).status === 0;
}

function isInstalled(hash) {
  return existsSync(HASH_FILE) && readFileSync(HASH_FILE, 'utf8') === hash && pinnedNodeRuns();
}

/**
 * `npm ci` removes node_modules first, so npm itself must run on a Node from elsewhere. The pinned Node is a dev
 * dependency that an install script puts in place: both are asked for, whatever the user's npm settings say.
 */
function install(hash) {
  console.log('Installing dependencies (first run takes about a minute)...');
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.startsWith(MODULES))
    .join(delimiter);
  const args = ['ci', '--include=dev', '--ignore-scripts=false', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawnSync('npm', args, { cwd: ROOT, env: { ...process.env, PATH: path }, encoding: 'utf8' });
  if (npm.error) fail(`Dependencies were not installed: npm could not be started (${npm.error.message}).`);
  if (npm.status !== 0) {
    fail(`${npm.stdout}${npm.stderr}Dependencies were not installed: \`npm ci\` failed, see the lines above.`);
  }
  if (!pinnedNodeRuns()) fail(`Dependencies were installed, but ${PINNED_NODE} does not run on this machine.`);
  writeFileSync(HASH_FILE, hash);
}

/** Version of the redis-server on the PATH, such as "7.0.15", or null where there is none. */
function redisVersion() {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/\bv=(\d+(?:\.\d+)*)/.exec(stdout)?.[1] ?? null) : null;
}

function isRecent(version) {
  return version !== null && Number.parseInt(version, 10) >= MIN_REDIS_MAJOR;
}

function succeeds(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** How to run a command as root: directly, through sudo where it asks for no password, or not at all (null). */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return succeeds('sudo', '-n', 'true') ? ['sudo', '-n'] : null;
}

/** Installs the distribution's package and stops the service that comes with it: tests start servers of their own. */
function installRedis(prefix) {
  console.log('Installing redis-server...');
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'redis-server']]) {
    const [command, ...rest] = [...prefix, ...apt, ...args];
    const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8' });
    if (status !== 0) console.error(`${stdout}${stderr}apt-get ${args.join(' ')} failed.`);
  }
  const [command, ...rest] = [...prefix, 'service', 'redis-server', 'stop'];
  succeeds(command, ...rest);
}

function ensureRedis() {
  if (isRecent(redisVersion())) return;
  const prefix = rootPrefix();
  if (prefix !== null && succeeds('apt-get', '--version')) installRedis(prefix);
  const version = redisVersion();
  if (isRecent(version)) return;
  const found = version === null ? 'none was found' : `${version} was found`;
  fail(`redis-server ${MIN_REDIS_MAJOR}.0 or newer is needed on the PATH (${found}): please install it.`);
}

const hash = lockHash();
if (process.argv.includes('--record')) writeFileSync(HASH_FILE, hash);
else if (!isInstalled(hash)) install(hash);
if (process.argv.includes('--redis')) ensureRedis();
