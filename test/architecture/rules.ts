import type { Graph } from './graph.ts';

/** Edges that may not be, each with the reason why. Paths are as in Edge. */
export interface Rule {
  readonly name: string;
  readonly reason: string;
  /** Files that the rule binds; its groups go to `forbids`. */
  readonly from: RegExp;
  readonly forbids: (to: string, groups: readonly string[]) => boolean;
}

/** Identifiers that may not stand for a value in some files. */
export interface ValueRule {
  readonly name: string;
  readonly reason: string;
  readonly in: RegExp;
  readonly values: readonly string[];
}

const RELAY = 'services/relay/src/';
const SIBLINGS = ['edge', 'cluster', 'embedded', 'telemetry', 'admin', 'access'];
const SIBLING = SIBLINGS.join('|');

const isOurs = (to: string): boolean => /^(packages|services|loadtest)\//.test(to);

export const RULES: readonly Rule[] = [
  {
    name: 'protocol stands alone',
    reason: 'every other package, other implementations and browsers build on it',
    from: /^packages\/protocol\/src\//,
    forbids: (to) => to.startsWith('node:') || (isOurs(to) && !to.startsWith('packages/protocol/')),
  },
  {
    name: 'core imports the protocol and itself only',
    reason: 'the rules must run, and be tested, without sockets, Redis, timers, environment or logger',
    from: /^services\/([^/]+)\/src\/core\//,
    forbids: (to, [service]) => !to.startsWith(`services/${service}/src/core/`) && !to.startsWith('packages/protocol/'),
  },
  {
    name: 'uWebSockets.js in edge and admin only',
    reason: 'its buffers die when a handler returns, and its sockets throw once closed: both rules need one place',
    from: /^(?!services\/relay\/src\/(?:edge|admin)\/)/,
    forbids: (to) => to === 'npm:uWebSockets.js' || to === 'npm:uws-pack',
  },
  {
    name: 'ioredis in cluster only',
    reason: 'everything else speaks to ports, which the embedded implementation serves as well',
    from: /^(?!services\/[^/]+\/src\/cluster\/)/,
    forbids: (to) => to === 'npm:ioredis',
  },
  {
    name: 'jose in access and the command only',
    reason: 'who is believed by what signature is decided in one place; the command signs tokens for trying them',
    from: /^(?!services\/relay\/src\/access\/|packages\/cli\/src\/|test\/)/,
    forbids: (to) => to === 'npm:jose',
  },
  {
    name: 'noble in e2e only',
    reason: 'how keys come about, and what is encrypted with them, is decided in one place',
    from: /^(?!packages\/client\/src\/e2e\/|test\/)/,
    forbids: (to) => to.startsWith('npm:@noble/'),
  },
  {
    name: 'e2e knows no relay',
    reason: 'encryption is between two ends, over whatever lies between them, and is tested so',
    from: /^packages\/client\/src\/e2e\/(?!.*\.test\.ts$)/,
    forbids: (to) =>
      isOurs(to) &&
      !/^packages\/(?:protocol|client\/src\/e2e)\//.test(to) &&
      !/^packages\/client\/src\/(?:errors|credentials)\.ts$/.test(to),
  },
  {
    name: 'siblings do not import each other',
    reason: 'each implements ports of the core and can be replaced alone; app puts them together',
    from: new RegExp(`^${RELAY}(${SIBLING})/`),
    forbids: (to, [own]) => SIBLINGS.some((other) => other !== own && to.startsWith(`${RELAY}${other}/`)),
  },
  {
    name: 'nothing below app imports app or main',
    reason: 'layers point one way, so that a part can be read without what uses it',
    from: new RegExp(`^${RELAY}(?!(?:app|main)\\.ts$)`),
    forbids: (to) => to === `${RELAY}app.ts` || to === `${RELAY}main.ts`,
  },
  {
    name: 'app does not import main',
    reason: 'main reads the environment and ends the process; app must be startable in a test',
    from: /^services\/relay\/src\/app\.ts$/,
    forbids: (to) => to === `${RELAY}main.ts`,
  },
  {
    name: 'services do not import each other',
    reason: 'they are released and deployed apart, and meet on the wire only',
    from: /^services\/([^/]+)\//,
    forbids: (to, [own]) => to.startsWith('services/') && !to.startsWith(`services/${own}/`),
  },
  {
    name: 'services do not import the client',
    reason: 'a fault that both ends share would go unseen',
    from: /^services\//,
    forbids: (to) => to.startsWith('packages/client/'),
  },
  {
    name: 'the transfer protocol stands alone',
    reason: 'it runs over any two streams of bytes, and its tests need neither sockets, disks nor a terminal',
    from: /^packages\/cli\/src\/transfer\/(?!.*\.test\.ts$)/,
    forbids: (to) => to !== 'npm:cborg' && !to.startsWith('packages/cli/src/transfer/'),
  },
  {
    name: 'packages do not import services',
    reason: 'packages are published, services are not',
    from: /^packages\//,
    forbids: (to) => to.startsWith('services/'),
  },
];

export const VALUE_RULES: readonly ValueRule[] = [
  {
    name: 'core touches no environment, clock, timer or console',
    reason: 'time and effects come in through ports, so that every run of the rules can be repeated exactly',
    in: /^services\/[^/]+\/src\/core\//,
    values: [
      ...['process', 'console', 'globalThis', 'Date', 'performance', 'fetch'],
      ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
    ],
  },
];

/** One sentence for each breach: who, what, which rule and why. */
export function findBreaches({ edges, values }: Graph): string[] {
  const byEdge = RULES.flatMap(({ name, reason, from, forbids }) =>
    edges.flatMap((edge) => {
      const bound = from.exec(edge.from);
      if (bound === null || !forbids(edge.to, bound.slice(1))) return [];
      return [`${edge.from} imports ${edge.to}: ${name} (${reason})`];
    }),
  );
  const byValue = VALUE_RULES.flatMap(({ name, reason, in: bound, values: banned }) =>
    [...values]
      .filter(([path]) => bound.test(path))
      .flatMap(([path, used]) => banned.filter((value) => used.has(value)).map((value) => ({ path, value })))
      .map(({ path, value }) => `${path} uses ${value}: ${name} (${reason})`),
  );
  return [...byEdge, ...byValue];
}
