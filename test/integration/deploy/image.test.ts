/** The image, built and run without a container engine: see `dockerfile.ts`. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, globSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@causeway/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mustRun, run } from '../../e2e/run.ts';
import { startChild, untilReady } from '../../kit/child.ts';
import { freePorts } from '../../kit/ports.ts';
import { startRedis } from '../../kit/redis.ts';
import { Scope } from '../../kit/scope.ts';
import { deferred } from '../../kit/wait.ts';
import { copyContext } from './docker-context.ts';
import { buildImage, type Instruction, inside, parseDockerfile, type Stage } from './dockerfile.ts';
import { packRelease, serveFile } from './own-release.ts';
import { missing, titled } from './programs.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DOCKERFILE = join(ROOT, 'deploy/Dockerfile');
const INSTRUCTIONS = parseDockerfile(readFileSync(DOCKERFILE, 'utf8'));
const NO_HADOLINT = missing('hadolint');

const scope = new Scope();
let folder: string;
let bin: string;
let context: string;
let image: Stage;

/** Only root, where it may mount, can take on the image's user and have file systems that nobody can write to. */
const CONFINES = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;

/** What runs the rest of its arguments as a container would. */
function confined(user: string, root: string): readonly [string, ...string[]] {
  if (!CONFINES) return ['env'];
  const [uid, gid] = user.split(':') as [string, string];
  const readOnly = `mount --make-rprivate / && mount --bind ${root} ${root} && mount -o remount,bind,ro ${root}`;
  const drop = `exec setpriv --reuid ${uid} --regid ${gid} --clear-groups --no-new-privs "$@"`;
  return ['unshare', '--mount', 'sh', '-c', `${readOnly} && mount -o remount,bind,ro / && ${drop}`, 'sh'];
}

const relative = (name: string): string[] => globSync(name, { cwd: inside(image, '.') }).sort();
const command = (text = ''): string[] => JSON.parse(text.slice(text.indexOf('['))) as string[];

/** The image's entry point, returned when it listens. */
async function startContainer(env: Readonly<Record<string, string>>) {
  const { USER = '', ENTRYPOINT } = image.settings;
  const listening = deferred<void>();
  const [program, ...args] = [...confined(USER, image.root), ...command(ENTRYPOINT)];
  const script = 'cd "$0" && exec "$@"';
  const child = startChild('sh', ['-c', script, inside(image, '.'), program as string, ...args], {
    env: { ...image.env, ...env },
    onLine: (line) => line.includes('"event":"listening"') && listening.resolve(),
  });
  scope.keep({ stop: () => child.kill('SIGKILL') });
  await untilReady(child, listening.promise, 'the image', 30_000);
  return child;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-image-'));
  chmodSync(folder, 0o755);
  context = join(folder, 'context');
  copyContext(ROOT, context);
  // The base image: a Node, which the image's user may execute wherever this one lies.
  bin = join(folder, 'base');
  mkdirSync(bin);
  copyFileSync(process.execPath, join(bin, 'node'));
  image = await buildImage({ instructions: INSTRUCTIONS, context, folder: join(folder, 'stages'), bin });
});

afterEach(() => scope.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOW = CONFINES ? 'as its user on a read-only file system' : 'as whoever runs this: only root can confine it';
test(`the relay in it runs ${HOW}; SIGTERM drains it`, async () => {
  const redis = scope.keep(await startRedis());
  const [port, adminPort] = await freePorts(2);
  const env = {
    CAUSEWAY_HOST: '127.0.0.1',
    CAUSEWAY_PORT: String(port),
    CAUSEWAY_ADMIN_HOST: '127.0.0.1',
    CAUSEWAY_ADMIN_PORT: String(adminPort),
    CAUSEWAY_REDIS_URL: redis.url,
    CAUSEWAY_DRAIN_SECONDS: '2',
  };
  const container = await startContainer(env);
  if (CONFINES) {
    const status = readFileSync(`/proc/${container.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65532\t65532\t65532/m);
    expect(readFileSync(`/proc/${container.pid}/mountinfo`, 'utf8')).toMatch(/ \/ ro[, ]/);
  }

  const bob = scope.keep(await connect({ url: `ws://127.0.0.1:${port}`, peer: 'bob' }));
  const next = bob.messages().next();
  const [causeway, ...send] = ['causeway', 'send', '--as', 'alice', '--url', `ws://127.0.0.1:${port}`, 'bob', 'hi'];
  const options = { cwd: inside(image, '.'), env: { ...image.env, ...env } };
  expect(await mustRun(inside(image, `bin/${causeway}`), send, options)).toBe('delivered\n');
  expect((await next).value?.text()).toBe('hi');

  const [node, ...check] = command(image.settings.HEALTHCHECK) as [string, ...string[]];
  expect(await run(node, check, options)).toEqual({ code: 0, stdout: '', stderr: '' });
  await bob.stop();
  expect(await container.stop('SIGTERM')).toBe(0);
  const unhealthy = await run(node, check, options);
  expect([unhealthy.code, unhealthy.stderr]).toEqual([1, expect.stringContaining(`:${adminPort}/health/ready: `)]);
});

test('it holds compiled sources and what they need in production', () => {
  expect(relative('*')).toEqual(['LICENSE', 'bin', 'healthcheck.mjs', 'node_modules', 'packages', 'services']);
  expect(relative('{packages,services}/**/*.{ts,test.js}')).toEqual([]);
  expect(relative('services/relay/src/cluster/lua/**/*.lua').length).toBeGreaterThan(20);
  expect(relative('node_modules/{ioredis,zod,pino,ws}')).toHaveLength(4);
  expect(relative('node_modules/{typescript,vitest,vite,node,@biomejs,@grafana,socket.io}')).toEqual([]);
  // Of one for each platform and version of Node that there could be.
  expect(relative('node_modules/uWebSockets.js/**/*.node')).toHaveLength(1);
});

test('it runs one program without a shell, as a user with a number, on ports that can be reached', () => {
  const { USER, STOPSIGNAL, EXPOSE, ENTRYPOINT, HEALTHCHECK, CMD } = image.settings;
  expect(USER).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect([STOPSIGNAL, EXPOSE, CMD]).toEqual(['SIGTERM', '7070 7071', undefined]);
  expect([command(ENTRYPOINT)[0], command(HEALTHCHECK)[0]]).toEqual(['node', 'node']);
  expect(image.env).toMatchObject({ CAUSEWAY_HOST: '0.0.0.0', CAUSEWAY_ADMIN_HOST: '0.0.0.0', NODE_ENV: 'production' });
  for (const path of relative('*')) expect(lstatSync(inside(image, path)).mode & 0o004, path).toBe(0o004);
});

test('its base image is of the Node that everything else is tested with', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(readFileSync(DOCKERFILE, 'utf8')).toContain(`ARG NODE_IMAGE=node:${devDependencies.node}-bookworm-slim`);
});

test('the build sees no more than it needs, and the manifest of each workspace', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: object };
  const workspaces = Object.keys(packages).filter((path) => !path.includes('node_modules'));
  const copied = INSTRUCTIONS.filter(({ name }) => name === 'COPY').map(({ text }) => text.split(' ')[0]);
  expect(copied).toEqual(expect.arrayContaining(workspaces.map((path) => join(path, 'package.json'))));
  expect(globSync('**/{node_modules,dist,*.test.ts,*.md,.git,.env*}', { cwd: context })).toEqual([]);
  expect(globSync('*', { cwd: context }).sort()).toEqual(
    ['LICENSE', 'deploy', 'loadtest', 'package-lock.json', 'package.json', 'packages', 'scripts', 'services'].concat(
      'tsconfig.base.json',
    ),
  );
  expect(globSync('deploy/*', { cwd: context })).toEqual(['deploy/healthcheck.mjs']);
});

test("a build argument puts another release of uWebSockets.js in the lock file's place", async () => {
  const url = scope.keep(await serveFile(await packRelease(join(folder, 'release')))).url;
  const stages = join(folder, 'own-stages');
  const built = await buildImage({
    instructions: upTo('dependencies'),
    context,
    folder: stages,
    bin,
    buildArgs: { UWEBSOCKETS: url },
  });
  const uws = inside(built, 'node_modules/uWebSockets.js');
  expect(JSON.parse(readFileSync(join(uws, 'package.json'), 'utf8')).version).toBe('20.999.0');
  expect(globSync('**/*.node', { cwd: uws })).toEqual([`uws_linux_${process.arch}_${process.versions.modules}.node`]);
  expect(globSync('own', { cwd: inside(built, '.') })).toEqual([]);
});

/** The instructions of a stage and of the one that it begins with. */
function upTo(alias: string): Instruction[] {
  const begins = (at: number): boolean => INSTRUCTIONS[at]?.name === 'FROM';
  const first = INSTRUCTIONS.findIndex(({ name, text }) => name === 'FROM' && text.endsWith(` AS ${alias}`));
  const base = INSTRUCTIONS[first]?.text.split(' ')[0] ?? '';
  const baseFirst = INSTRUCTIONS.findIndex(({ name, text }) => name === 'FROM' && text.endsWith(` AS ${base}`));
  const end = (from: number): number => INSTRUCTIONS.findIndex((_, at) => at > from && begins(at));
  const global = INSTRUCTIONS.slice(
    0,
    INSTRUCTIONS.findIndex(({ name }) => name === 'FROM'),
  );
  return [...global, ...INSTRUCTIONS.slice(baseFirst, end(baseFirst)), ...INSTRUCTIONS.slice(first, end(first))];
}

describe.skipIf(NO_HADOLINT)(titled('hadolint', NO_HADOLINT), () => {
  test('finds nothing', async () => {
    expect(await run('hadolint', [DOCKERFILE])).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
