/** What of the chart can be executed without Kubernetes: the relays' environment, `helm test`, the bundled Redis. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Run, run } from '../e2e/run.ts';
import { freePort } from '../kit/ports.ts';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { type RelayCluster, startCluster } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { SECRET, signWithSecret } from '../kit/token-kit.ts';
import { describeChart, type Manifest, one, relayOf, render } from './chart.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOW = Math.floor(Date.now() / 1000);
const MOUNT = '/etc/causeway';

const scope = new Scope();
const folder = mkdtempSync(join(tmpdir(), 'causeway-helm-test-'));
let redis: RedisDeployment;

/** Relays with the environment that the chart renders, behind one port as behind the Service. */
async function install(values: object): Promise<{ manifests: Manifest[]; url: string; relays: RelayCluster }> {
  const manifests = await render({ files: ['trial'], values: { fullnameOverride: 'causeway', ...values } });
  const rendered: Manifest[] = relayOf(manifests).env;
  const port = await freePort();
  const given = rendered.map(({ name, value }) => [name, String(value).replace(`${MOUNT}/`, `${folder}/`)]);
  // Kubernetes gives each pod an address of its own; here they are told apart by their ports.
  const { CAUSEWAY_HOST, CAUSEWAY_PORT, CAUSEWAY_ADMIN_HOST, CAUSEWAY_ADMIN_PORT, CAUSEWAY_REDIS_URL, ...env } =
    Object.fromEntries(given);
  expect(CAUSEWAY_REDIS_URL).toBe('redis://causeway-redis:6379');
  const relays = await startCluster({
    relays: one(manifests, 'Deployment').spec.replicas,
    redis,
    env: { ...env, CAUSEWAY_SHARED_PORT: String(port), CAUSEWAY_REDIS_PREFIX: `cw-${port}:` },
  });
  return { manifests, url: `ws://127.0.0.1:${port}`, relays: scope.keep(relays) };
}

/** Runs the command of the `helm test` pod, as the image would. */
function helmTest(manifests: readonly Manifest[], url: string, tokens = folder): Promise<Run> {
  const { command, args, env } = one(manifests, 'Pod').spec.containers[0];
  const [program, ...options] = [...command, ...args];
  expect(program).toBe('node');
  const variables = Object.fromEntries(env.map(({ name, value }: Manifest) => [name, value]));
  expect(variables.CHECK_URL).toBe('ws://causeway.relays.svc:7070');
  return run(process.execPath, options, {
    cwd: ROOT,
    env: { ...variables, CHECK_URL: url, ...(variables.CHECK_TOKENS && { CHECK_TOKENS: tokens }) },
  });
}

describeChart('helm test', () => {
  beforeAll(async () => {
    redis = scope.keep(await startRedis());
  });

  afterAll(async () => {
    await scope.end();
    rmSync(folder, { recursive: true });
  });

  it.each(['open', 'open-sticky', 'key'])('sends a message and has its receipt, with the policy %s', async (auth) => {
    const { manifests, url, relays } = await install({ config: { auth, drainSeconds: 1 } });
    const { code, stdout, stderr } = await helmTest(manifests, url);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^receiver .+ is on node n.+\nsender .+ is on node n.+\nthe message arrived/);
    expect(code).toBe(0);
    const delivered = await Promise.all(relays.relays.map((relay) => relay.metrics()));
    const received = delivered.map((metrics) => metrics.value('causeway_receipts_total', { status: 'delivered' }));
    expect(received.reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  it('takes its tokens from a Secret, and fails when they are not good', async () => {
    writeFileSync(join(folder, 'token-secret'), SECRET);
    const { manifests, url } = await install({
      config: { auth: 'token', drainSeconds: 1 },
      secrets: { tokenSecret: { name: 'issuer' } },
      test: { realm: 'acme', tokensSecret: 'tokens' },
    });
    const token = (sub: string, secret?: string) => signWithSecret({ sub, exp: NOW + 600, iat: NOW - 5 }, secret);
    for (const role of ['sender', 'receiver']) writeFileSync(join(folder, role), await token(role));
    expect(await helmTest(manifests, url)).toMatchObject({ code: 0, stderr: '' });
    writeFileSync(join(folder, 'sender'), await token('sender', 'another secret of thirty-two bytes'));
    const { code, stderr } = await helmTest(manifests, url);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^the test failed: .+/);
  });

  it('is left out where it would have no token', async () => {
    const values = { config: { auth: 'token' }, secrets: { tokenSecret: { name: 'issuer' } } };
    expect((await render({ values })).filter(({ kind }) => kind === 'Pod')).toEqual([]);
  });
});

describeChart('the bundled Redis', () => {
  it('is a real one by the command line of the chart', async () => {
    const values = { secrets: { redisPassword: { name: 'redis' } } };
    const [container] = one(await render({ files: ['trial'], values }), 'StatefulSet').spec.template.spec.containers;
    expect(container.args.slice(0, 2)).toEqual(['--dir', '/data']);
    expect(container.args.slice(-2)).toEqual(['--requirepass', '$(REDISCLI_AUTH)']);
    expect(container.env[0].valueFrom).toEqual({ secretKeyRef: { name: 'redis', key: 'password' } });
    const server = await startRedis({ args: container.args.slice(2, -2) });
    try {
      const [node] = server.nodes;
      const settings = await node?.client.config('GET', 'maxmemory*', 'appendonly');
      expect(settings).toEqual(expect.arrayContaining(['maxmemory', '268435456', 'noeviction', 'appendonly', 'yes']));
    } finally {
      await server.stop();
    }
  });
});
