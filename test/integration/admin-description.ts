import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface Description {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, object> }>>;
}

const FILE = new URL('../../docs/openapi.json', import.meta.url);
const description = JSON.parse(readFileSync(FILE, 'utf8')) as Description;
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(description, 'api');
const validators = new Map<string, ValidateFunction>();

/** The committed description of the admin API. */
export const DESCRIPTION: object = description;

/**
 * Compares an answer of the admin API with its description.
 * @throws Error for a path, method, status, media type or body that is not described so
 */
export function mustBeDescribed(method: string, path: string, status: number, mediaType: string, body: unknown): void {
  const template = templateOf(path.split('?', 1)[0] as string);
  // What is nowhere is not described; neither is what is asked in a way that nothing is.
  if (template === null || description.paths[template]?.[method.toLowerCase()] === undefined) {
    if (status === 404 || status === 405) return mustFit('api#/components/schemas/Error', body);
    throw new Error(`${method} ${path} is not described`);
  }
  const response = pointer('api#/paths', template, method.toLowerCase(), 'responses', String(status));
  if (status === 200 && mediaType.startsWith('text/csv')) return mustFit(`${response}/content/text~1csv/schema`, body);
  const isShared = '$ref' in (description.paths[template]?.[method.toLowerCase()]?.responses[status] ?? {});
  const at = isShared ? `api#/components/responses/${status}` : response;
  mustFit(`${at}/content/application~1json/schema`, body);
}

function mustFit(schema: string, body: unknown): void {
  let validate = validators.get(schema);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: schema });
    validators.set(schema, validate);
  }
  if (!validate(body))
    throw new Error(`${JSON.stringify(body)} is not as ${schema}: ${ajv.errorsText(validate.errors)}`);
}

/** A path without parameters goes before one with them. */
function templateOf(path: string): string | null {
  const paths = Object.keys(description.paths);
  if (paths.includes(path)) return path;
  const fits = (template: string) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
  return paths.find(fits) ?? null;
}

function pointer(root: string, ...names: readonly string[]): string {
  const escaped = names.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1')));
  return [root, ...escaped].join('/');
}
