import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { fleet } from './fleet.ts';
import { limitsAndTenants } from './limits-and-tenants.ts';
import { nodeAndRedis } from './node-and-redis.ts';

/** The dashboards as Grafana takes them, by their files in `grafana/dashboards/`. */
export const DASHBOARDS: Readonly<Record<string, () => string>> = {
  'fleet.json': () => render(fleet),
  'limits-and-tenants.json': () => render(limitsAndTenants),
  'node-and-redis.json': () => render(nodeAndRedis),
};

function render(dashboard: DashboardBuilder): string {
  return `${JSON.stringify(dashboard.build(), null, 2)}\n`;
}
