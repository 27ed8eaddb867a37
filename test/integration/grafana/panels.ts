import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../grafana/dashboards/', import.meta.url);
/** What Grafana puts in place of the variables when everything is chosen; windows of a few scrapes. */
const VARIABLES: readonly (readonly [string, string])[] = [
  ['$cluster', '.*'],
  ['$region', '.*'],
  ['$node', '.+'],
  ['$realm', '.*'],
  ['$__rate_interval', '5s'],
];

interface PanelJson {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string; readonly exemplar: boolean }[];
}

interface DashboardJson {
  readonly panels: readonly PanelJson[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

export interface Panel {
  readonly file: string;
  readonly title: string;
  readonly exprs: readonly string[];
  /** Of `exprs`, those that ask for traces as well. */
  readonly traced: readonly string[];
}

export function filledIn(expr: string): string {
  const filled = VARIABLES.reduce((text, [name, value]) => text.replaceAll(name, value), expr);
  if (filled.includes('$')) throw new Error(`an unknown variable: ${expr}`);
  return filled;
}

const DASHBOARDS: readonly (readonly [file: string, DashboardJson])[] = readdirSync(FOLDER)
  .sort()
  .map((file) => [file, JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as DashboardJson]);

/** All panels of the committed dashboards, their expressions ready for Prometheus. */
const ALL: readonly Panel[] = DASHBOARDS.flatMap(([file, { panels }]) =>
  panels
    .filter(({ type }) => type !== 'row')
    .map(({ title, targets = [] }) => ({
      file,
      title,
      exprs: targets.map(({ expr }) => filledIn(expr)),
      traced: targets.filter(({ exemplar }) => exemplar).map(({ expr }) => filledIn(expr)),
    })),
);

const isOfLoadTests = ({ exprs }: Panel): boolean => exprs.every((expr) => expr.includes('k6_'));

/** What relays fill. */
export const PANELS = ALL.filter((panel) => !isOfLoadTests(panel));

/** What load tests fill. */
export const LOAD_PANELS = ALL.filter(isOfLoadTests);

/** Expressions of the lines through the panels, each once, by name. */
export const ANNOTATIONS: ReadonlyMap<string, string> = new Map(
  DASHBOARDS.flatMap(([, { annotations }]) =>
    annotations.list.map(({ name, expr }) => [name, filledIn(expr)] as const),
  ),
);

/** The label and the series that a variable takes its values from. */
export const CHOICES: readonly { readonly name: string; readonly label: string; readonly selector: string }[] =
  DASHBOARDS.flatMap(([, { templating }]) =>
    templating.list.flatMap(({ name, query }) => {
      const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
      return selector === undefined || label === undefined ? [] : [{ name, label, selector: filledIn(selector) }];
    }),
  );
