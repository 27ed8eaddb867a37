import { z } from 'zod';
import { policySchema } from './access/policy-schema.ts';
import { describeApi } from './admin/openapi.ts';
import { ROUTES } from './admin/routes/index.ts';

/** The description that the admin API serves, as it is kept in `docs/openapi.json`. */
export function renderOpenApi(): string {
  return `${JSON.stringify(describeApi(ROUTES, z.toJSONSchema(policySchema)), null, 2)}\n`;
}
