import type { Route } from '../route.ts';
import { ACCESS_ROUTES } from './access.ts';
import { AUDIT_ROUTES } from './audit.ts';
import { COORDINATION_ROUTES } from './coordination.ts';
import { LIMIT_ROUTES } from './limits.ts';
import { NODE_ROUTES } from './nodes.ts';
import { PEER_ROUTES } from './peers.ts';
import { USAGE_ROUTES } from './usage.ts';

/** All that the API does, apart from describing itself. */
export const ROUTES: readonly Route[] = [
  ...NODE_ROUTES,
  ...PEER_ROUTES,
  ...ACCESS_ROUTES,
  ...LIMIT_ROUTES,
  ...USAGE_ROUTES,
  ...COORDINATION_ROUTES,
  ...AUDIT_ROUTES,
];
