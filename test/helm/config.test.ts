import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../services/relay/src/cluster/url.ts';
import { loadRelayConfig, VARIABLES } from '../../services/relay/src/config.ts';
import { Authority, NO_OPENSSL } from '../kit/authority.ts';
import { issuer } from '../kit/token-kit.ts';
import { CHART, describeChart, type Manifest, one, relayOf, render, VALUES } from './chart.ts';

const MOUNT = '/etc/causeway';
const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
const CONFIG: Readonly<Record<string, { type?: string; enum?: string[]; minimum: number; maximum: number }>> =
  schema.properties.config.properties;
/** The chart's own affair: where the port is, one process for each pod. */
const OWN = ['CAUSEWAY_PORT', 'CAUSEWAY_ADMIN_PORT', 'CAUSEWAY_SHARED_PORT', 'CAUSEWAY_PROCESSES'];
/** As files only. */
const BY_FILE = ['CAUSEWAY_ADMIN_TOKENS'];

const folder = mkdtempSync(join(tmpdir(), 'causeway-values-'));
let authority: Authority;

beforeAll(async () => {
  if (NO_OPENSSL !== null) return;
  authority = new Authority();
  const { cert, key } = authority.issue('relay');
  const { jwk } = await issuer('EdDSA', 'one');
  const files: Readonly<Record<string, string>> = {
    'redis-password': 'hidden',
    'admin-tokens': 'read:one\noperate:two\n',
    'token-keys': JSON.stringify({ keys: [jwk] }),
    'token-secret': 'a secret of thirty-two bytes, or so',
    'admission-secret': 'bearer',
    'tls.crt': cert,
    'tls.key': key,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
});

afterAll(() => {
  authority?.stop();
  rmSync(folder, { recursive: true });
});

function variableOf(key: string): string {
  return `CAUSEWAY_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The files that the volume of the pod brings, by path. */
function filesOf(manifests: readonly Manifest[]): string[] {
  const volume = one(manifests, 'Deployment').spec.template.spec.volumes?.find(
    ({ name }: { name: string }) => name === 'files',
  );
  const sources: Manifest[] = volume?.projected.sources ?? [];
  return sources
    .flatMap((source) => {
      const items: { path: string }[] = source.secret?.items ?? [];
      if (source.configMap === undefined) return items.map(({ path }) => path);
      const { data } = one(manifests, 'ConfigMap', source.configMap.name);
      for (const [name, content] of Object.entries<string>(data)) writeFileSync(join(folder, name), content);
      return Object.keys(data);
    })
    .map((path) => `${MOUNT}/${path}`);
}

/** The environment of the relay as Kubernetes would make it, with the files in a folder of the test. */
function environmentOf(manifests: readonly Manifest[]): Record<string, string> {
  const env: Manifest[] = relayOf(manifests).env;
  const names = env.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => {
      if (valueFrom !== undefined) return [name, 'redis://of.a.secret:6379'];
      return [name, value.startsWith(`${MOUNT}/`) ? join(folder, value.slice(MOUNT.length)) : value];
    }),
  );
}

describeChart('the environment that the chart renders', () => {
  it.skipIf(NO_OPENSSL !== null).each(Object.keys(VALUES))('is what the relay takes, with %s', async (name) => {
    const manifests = await render({ files: [name] });
    const paths = relayOf(manifests).env.filter(({ name: each }: Manifest) => each.endsWith('_FILE'));
    expect(paths.map(({ value }: Manifest) => value).sort()).toEqual(filesOf(manifests).sort());
    const env = environmentOf(manifests);
    const loaded = loadRelayConfig(env);
    expect(loaded).toMatchObject({ ok: true });
    if (!loaded.ok || loaded.config.redisUrl === null) return;
    expect(parseRedisUrl(loaded.config.redisUrl, loaded.config.redisPassword ?? '')).toMatchObject({ ok: true });
  });

  it('says what the values say', async () => {
    const env = environmentOf(await render({ files: ['everything'] }));
    expect(env).toMatchObject({
      CAUSEWAY_REALM_MAILBOX_BYTES: '1099511627776',
      CAUSEWAY_ORIGINS: 'https://app.example.com,https://*.example.org',
      CAUSEWAY_TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8',
      CAUSEWAY_ATTEMPTS_FAILED_AUTH: '10/60/120',
      CAUSEWAY_TOKEN_JWKS_URL: 'https://id.example.com/jwks.json',
      OTEL_TRACES_SAMPLER: 'always_off',
    });
  });

  it('keeps a limit of the policy that is lifted by null', async () => {
    const { data } = one(await render({ files: ['production'] }), 'ConfigMap', 'causeway-policy');
    expect(JSON.parse(data['policy.json']).peers).toEqual({
      'acme/importer': { messages: { perSecond: 1000 }, bytes: null },
    });
  });
});

describe('the schema of the values', () => {
  it("has every variable that is no secret and not the chart's own", () => {
    const variables = Object.values(VARIABLES).map(({ name }) => name);
    const others = variables.filter((name) => name.endsWith('_FILE') || OWN.includes(name) || BY_FILE.includes(name));
    expect(Object.keys(CONFIG).map(variableOf).sort()).toEqual(
      variables.filter((name) => !others.includes(name)).sort(),
    );
  });

  const accepts = (key: string, value: number | string): boolean => {
    const loaded = loadRelayConfig({ [variableOf(key)]: String(value) });
    return loaded.ok || !loaded.problems.some((problem) => problem.startsWith(`${variableOf(key)} is "`));
  };

  it.each(Object.entries(CONFIG).filter(([, { type }]) => type === 'integer'))(
    'allows %s what the relay allows',
    (key, { minimum, maximum }) => {
      const tried = [minimum - 1, minimum, maximum, maximum + 1];
      expect(tried.map((value) => accepts(key, value))).toEqual([false, true, true, false]);
    },
  );

  it.each(Object.entries(CONFIG).filter(([, rule]) => rule.enum !== undefined))(
    'has the choices of %s',
    (key, { enum: choices = [] }) => {
      expect(choices.filter((choice) => !accepts(key, choice))).toEqual([]);
      const loaded = loadRelayConfig({ [variableOf(key)]: 'neither' });
      const [problem = ''] = loaded.ok ? [] : loaded.problems;
      expect(problem).toContain(`allowed is ${choices.join(', ')}`);
    },
  );
});
