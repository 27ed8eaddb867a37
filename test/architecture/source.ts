import { parseSync } from 'vite';

/** Read off a file's syntax tree. */
export interface SourceFacts {
  readonly imports: readonly Import[];
  /** Identifiers in the place of a value: `process` of `process.env`, but not `now` of `clock.now()` nor a type. */
  readonly values: ReadonlySet<string>;
}

export interface Import {
  readonly specifier: string;
  /** Gone when the types are stripped. */
  readonly typeOnly: boolean;
}

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

function children(node: Node): { field: string; child: Node }[] {
  return Object.entries(node).flatMap(([field, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((child) => ({ field, child })),
  );
}

function sourceText(node: Node): string | null {
  const { source } = node;
  return isNode(source) && typeof source.value === 'string' ? source.value : null;
}

/** `import { type A }` counts as run time: under verbatimModuleSyntax the import stays, without the name. */
function readImport(node: Node): Import | null {
  const specifier = sourceText(node);
  if (specifier === null) return null;
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier, typeOnly: node.importKind === 'type' };
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return { specifier, typeOnly: node.exportKind === 'type' };
    case 'ImportExpression':
      return { specifier, typeOnly: false };
    case 'TSImportType':
      return { specifier, typeOnly: true };
    default:
      return null;
  }
}

/** Fields in which an identifier names a member, a key or a label, not a value in scope. */
const NAMING_FIELDS: Readonly<Record<string, string>> = {
  MemberExpression: 'property',
  Property: 'key',
  PropertyDefinition: 'key',
  MethodDefinition: 'key',
  LabeledStatement: 'label',
  BreakStatement: 'label',
  ContinueStatement: 'label',
};

/** The nodes of types that hold an expression; below any other an identifier belongs to a type. */
const TYPED_EXPRESSION = /^TS(As|NonNull|Satisfies|Instantiation)Expression$|^TSTypeAssertion$/;

function isValue(parent: Node, field: string): boolean {
  if (parent.type.startsWith('TS')) return TYPED_EXPRESSION.test(parent.type);
  return NAMING_FIELDS[parent.type] !== field || parent.computed === true;
}

export function readSource(path: string, code: string): SourceFacts {
  const { program, errors } = parseSync(path, code, { lang: 'ts' });
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0]?.message}`);
  const imports: Import[] = [];
  const values = new Set<string>();
  const visit = (node: Node): void => {
    const found = readImport(node);
    if (found !== null) imports.push(found);
    for (const { field, child } of children(node)) {
      if (child.type === 'Identifier' && isValue(node, field)) values.add(child.name as string);
      visit(child);
    }
  };
  visit(program as unknown as Node);
  return { imports, values };
}
