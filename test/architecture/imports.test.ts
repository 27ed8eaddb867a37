import { describe, expect, test } from 'vitest';
import { entryFile, type Files, findCycles, type Graph, reachable, readGraph, type Workspace } from './graph.ts';
import { readFiles, readWorkspaces } from './repository.ts';
import { findBreaches, RULES, VALUE_RULES } from './rules.ts';
import { readSource } from './source.ts';

const BROWSER = ['browser', 'import', 'default'];
const WORKSPACES = readWorkspaces();

/** Built-ins and Node-only packages that the browser entry reaches, each with the way there. */
function nodeOnly(graph: Graph, client: Workspace): string[] {
  const entry = entryFile(client, '.', BROWSER);
  if (entry === null || !graph.values.has(entry)) throw new Error(`the client's browser entry ${entry} is missing`);
  const ways = [...reachable(graph, entry)];
  return ways.filter(([to]) => to.startsWith('node:') || to === 'npm:ws').map(([, way]) => way.join(' -> '));
}

function client(): Workspace {
  const workspace = WORKSPACES.get('@causeway/client');
  if (workspace === undefined) throw new Error('no workspace @causeway/client');
  return workspace;
}

describe('the repository', () => {
  const files = readFiles();
  const graph = readGraph(files, WORKSPACES);

  test('was read', () => {
    expect(graph.edges.length).toBeGreaterThan(files.size / 2);
    expect([...files.keys()]).toContain('packages/protocol/src/index.ts');
  });

  test('has no forbidden edge', () => {
    expect(findBreaches(graph)).toEqual([]);
  });

  test('has no import cycle', () => {
    expect(findCycles(graph).map((cycle) => cycle.join(' -> '))).toEqual([]);
  });

  test('imports only files that exist', () => {
    const missing = graph.edges.filter(({ to }) => /^(packages|services)\/.*\.ts$/.test(to) && !files.has(to));
    expect(missing.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("keeps Node out of the client's browser entry", () => {
    expect(nodeOnly(graph, client())).toEqual([]);
  });
});

function graphOf(files: Record<string, string>): Graph {
  return readGraph(new Map(Object.entries(files)) as Files, WORKSPACES);
}

const RELAY = 'services/relay/src';

describe('a planted violation', () => {
  const plants: Record<string, [path: string, code: string]> = {
    'protocol stands alone': ['packages/protocol/src/x.ts', "import { Buffer } from 'buffer';"],
    'core imports the protocol and itself only': [`${RELAY}/core/x.ts`, "import type { Logger } from 'pino';"],
    'uWebSockets.js in edge and admin only': [`${RELAY}/app.ts`, "import uws from 'uWebSockets.js';"],
    'ioredis in cluster only': [`${RELAY}/telemetry/x.ts`, "import type { Redis } from 'ioredis';"],
    'jose in access and the command only': [`${RELAY}/admin/x.ts`, "import { jwtVerify } from 'jose';"],
    'noble in e2e only': [`${RELAY}/access/x.ts`, "import { ed25519 } from '@noble/curves/ed25519.js';"],
    'e2e knows no relay': ['packages/client/src/e2e/x.ts', "import type { Tunnel } from '../tunnel.ts';"],
    'siblings do not import each other': [`${RELAY}/edge/x.ts`, "export * from '../cluster/y.ts';"],
    'nothing below app imports app or main': [`${RELAY}/admin/x.ts`, "type A = import('../app.ts').App;"],
    'app does not import main': [`${RELAY}/app.ts`, "const main = await import('./main.ts');"],
    'services do not import each other': ['services/resolver/src/x.ts', "import '../../relay/src/core/y.ts';"],
    'services do not import the client': [`${RELAY}/app.ts`, "import { connect } from '@causeway/client';"],
    'the transfer protocol stands alone': [
      'packages/cli/src/transfer/exchange.ts',
      `import { open } from 'node:fs/promises';`,
    ],
    'packages do not import services': ['packages/cli/src/x.ts', "import '../../../services/relay/src/app.ts';"],
    'core touches no environment, clock, timer or console': [`${RELAY}/core/x.ts`, 'const now = () => Date.now();'],
  };

  test.each([...RULES, ...VALUE_RULES])('of "$name" is found', ({ name, reason }) => {
    const [path, code] = plants[name] ?? [];
    if (path === undefined || code === undefined) throw new Error(`nothing planted for "${name}"`);
    const breaches = findBreaches(graphOf({ [path]: code }));
    expect(breaches).toContainEqual(expect.stringContaining(`: ${name} (${reason})`));
  });

  test('is told from what is allowed', () => {
    const graph = graphOf({
      [`${RELAY}/core/x.ts`]: "import { asPeerId } from '@causeway/protocol'; import type { Y } from './y.ts';",
      [`${RELAY}/edge/x.ts`]: "import uws from 'uWebSockets.js'; import '../core/x.ts'; import 'node:fs';",
      [`${RELAY}/cluster/x.ts`]: "import { Redis } from 'ioredis'; import './y.ts'; import '@causeway/service-kit';",
      [`${RELAY}/app.ts`]: "import './edge/x.ts'; import './cluster/x.ts'; setTimeout(() => process.exit());",
      [`${RELAY}/main.ts`]: "import './app.ts';",
      'packages/protocol/src/x.ts': "import { encode } from 'cborg'; import './ids.ts';",
    });
    expect(findBreaches(graph)).toEqual([]);
  });

  test('of cycles is found, also through types and packages', () => {
    const cycle = {
      'packages/cli/src/a.ts': "import './b.ts';",
      'packages/cli/src/b.ts': "import type { A } from './a.ts';",
    };
    expect(findCycles(graphOf(cycle))).toEqual([
      ['packages/cli/src/a.ts', 'packages/cli/src/b.ts', 'packages/cli/src/a.ts'],
    ]);
    const throughPackages = {
      'packages/protocol/src/index.ts': "export { x } from '@causeway/service-kit';",
      'packages/service-kit/src/index.ts': "export { y } from '@causeway/protocol';",
    };
    expect(findCycles(graphOf(throughPackages))).toHaveLength(1);
    const diamond = {
      'packages/cli/src/a.ts': "import './b.ts'; import './c.ts';",
      'packages/cli/src/b.ts': "import './d.ts';",
      'packages/cli/src/c.ts': "import './d.ts';",
    };
    expect(findCycles(graphOf(diamond))).toEqual([]);
  });

  test('of the browser entry is found where it runs, not in types', () => {
    const workspace = {
      folder: 'packages/client',
      exports: { '.': { browser: './src/web.ts', default: './src/index.ts' } },
    };
    const graph = graphOf({
      'packages/client/src/web.ts': "import './shared.ts'; import type { Socket } from 'node:net';",
      'packages/client/src/shared.ts': "import { createHash } from 'crypto';",
    });
    expect(nodeOnly(graph, workspace)).toEqual([
      'packages/client/src/web.ts -> packages/client/src/shared.ts -> node:crypto',
    ]);
  });
});

describe('reading a source', () => {
  test('finds every form of import, and none in text', () => {
    const code = `
      import a from './a.ts'; import type { B } from './b.ts'; import './c.ts'; export * from './d.ts';
      export type { E } from './e.ts'; import { type F } from './f.ts'; const g = () => import('./g.ts');
      type H = typeof import('./h.ts'); // import './no.ts'
      const text = "import './no.ts'" + \`\${a}import('./no.ts')\` + /import '.no.ts'/;`;
    const { imports } = readSource('x.ts', code);
    expect(imports.map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? ' type' : ''}`)).toEqual([
      ...['./a.ts', './b.ts type', './c.ts', './d.ts', './e.ts type', './f.ts', './g.ts', './h.ts type'],
    ]);
  });

  test('tells values from members, keys and types', () => {
    const code = `
      interface Clock { Date: Date; setTimeout(process: number): void }
      export const f = (clock: Clock) => [clock.Date, { console: 1 }, clock as unknown as Date, clock['fetch']];
      export const g = { setTimeout, run: (performance as unknown)! };`;
    const { values } = readSource('x.ts', code);
    const names = ['Date', 'process', 'console', 'fetch', 'setTimeout', 'performance', 'clock'];
    expect(names.filter((name) => values.has(name))).toEqual(['setTimeout', 'performance', 'clock']);
  });
});
