import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, of, PROMETHEUS } from './kit.ts';

const TAG = 'causeway';
const INFO = 'causeway_build_info';

/** What happened, as lines through all panels: shown where the expression has a value. */
const EVENTS: readonly (readonly [name: string, color: string, expr: string, text: string])[] = [
  ['Drains', 'blue', `max by (instance) (${of('causeway_draining')}) > 0`, '{{instance}} is draining'],
  [
    'Deaths',
    'red',
    'sum by (cluster) (increase(causeway_nodes_declared_dead_total{cluster=~"$cluster"}[$__rate_interval])) > 0',
    'a node was declared dead',
  ],
  [
    'Changes of limits',
    'purple',
    'sum by (cluster) (changes(causeway_policy_version{cluster=~"$cluster"}[$__rate_interval])) > 0',
    'another policy is in force',
  ],
];

export interface Row {
  readonly title: string;
  readonly panels: readonly Parameters<DashboardBuilder['withPanel']>[0][];
}

export interface Frame {
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  /** Whether realms can be chosen. */
  readonly realms?: boolean;
  readonly rows: readonly Row[];
}

function choice(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .query(query)
    .datasource(PROMETHEUS)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: 'All', value: '$__all' })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
}

/** A region is chosen by its nodes, so that panels need to know of nodes only. */
function variables(realms: boolean): Parameters<DashboardBuilder['withVariable']>[0][] {
  return [
    new DatasourceVariableBuilder(DATASOURCE).label('Data source').type('prometheus'),
    choice('cluster', `label_values(${INFO}, cluster)`).label('Cluster').allValue('.*'),
    choice('region', `label_values(${INFO}{cluster=~"$cluster"}, region)`).label('Region').allValue('.*'),
    choice('node', `label_values(${INFO}{cluster=~"$cluster", region=~"$region"}, instance)`).label('Node'),
    ...(realms
      ? [
          choice('realm', `label_values(${of('causeway_realm_messages_total')}, realm)`)
            .label('Realm')
            .allValue('.*'),
        ]
      : []),
  ];
}

/** A dashboard with what all of them have: variables, lines for events, and links to the others. */
export function dashboard({ uid, title, about, realms = false, rows }: Frame): DashboardBuilder {
  const built = new DashboardBuilder(title)
    .uid(uid)
    .description(about)
    .tags([TAG])
    .editable()
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .link(
      new DashboardLinkBuilder('Causeway')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  for (const variable of variables(realms)) built.withVariable(variable);
  for (const [name, color, expr, text] of EVENTS) {
    const query = new AnnotationQueryBuilder().name(name).enable(true).iconColor(color).datasource(PROMETHEUS);
    built.annotation(query.expr(expr).titleFormat(text));
  }
  for (const { title: name, panels } of rows) {
    built.withRow(new RowBuilder(name));
    for (const panel of panels) built.withPanel(panel);
  }
  return built;
}
