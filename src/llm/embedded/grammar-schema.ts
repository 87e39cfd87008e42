import type { Llama, LlamaGrammar } from 'node-llama-cpp';
import { BigboxError } from '../../contracts/errors.ts';

type Schema = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(path: string, found: string): never {
  throw new BigboxError('INVALID_REQUEST', {
    message: `invalid JSON schema in format: ${path || 'the root'} has ${found}`,
    context: { path },
  });
}

/** Keys that only describe, or narrow a value in a way that a grammar cannot follow: the receiver checks those. */
const keptKeys = [
  'type',
  'enum',
  'const',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'format',
];
const knownFormats = ['date', 'time', 'date-time'];
const unsupported = ['allOf', 'not', 'if', 'then', 'else', 'patternProperties', 'dependentSchemas'];

function convertMap(value: unknown, path: string): Schema {
  if (!isObject(value)) refuse(path, 'no object of schemas');
  return Object.fromEntries(Object.entries(value).map(([key, schema]) => [key, convert(schema, `${path}.${key}`)]));
}

function convertList(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) refuse(path, 'no list of schemas');
  return value.map((schema, index) => convert(schema, `${path}[${index}]`));
}

function convertParts(schema: Schema, path: string): Schema {
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const converted: Record<string, unknown> = {};
  for (const key of ['properties', '$defs']) if (key in schema) converted[key] = convertMap(schema[key], at(key));
  if ('definitions' in schema) converted['$defs'] = convertMap(schema['definitions'], at('definitions'));
  if ('prefixItems' in schema) converted['prefixItems'] = convertList(schema['prefixItems'], at('prefixItems'));
  if ('items' in schema) converted['items'] = convert(schema['items'], at('items'));
  const alternatives = schema['oneOf'] ?? schema['anyOf'];
  if (alternatives !== undefined) converted['oneOf'] = convertList(alternatives, at('anyOf'));
  const further = schema['additionalProperties'];
  if (isObject(further)) converted['additionalProperties'] = convert(further, at('additionalProperties'));
  else if (further === true) converted['additionalProperties'] = true;
  return converted;
}

function convert(schema: unknown, path: string): unknown {
  if (schema === true) return {};
  if (!isObject(schema)) refuse(path, `${JSON.stringify(schema)}, expected a schema object`);
  const refused = unsupported.find((key) => key in schema);
  if (refused !== undefined) refuse(path, `${refused}, which a grammar cannot express`);
  if (typeof schema['$ref'] === 'string')
    return { ...convertParts(schema, path), $ref: schema['$ref'].replace('#/definitions/', '#/$defs/') };
  const kept = Object.fromEntries(Object.entries(schema).filter(([key]) => keptKeys.includes(key)));
  if (typeof kept['format'] === 'string' && !knownFormats.includes(kept['format'])) delete kept['format'];
  return { ...kept, ...convertParts(schema, path) };
}

/**
 * Turns a JSON schema, as clients send it, into the dialect of the grammar builder: every property is required there, `anyOf`
 * becomes `oneOf`, patterns and number ranges are dropped. Throws INVALID_REQUEST where a grammar cannot follow.
 */
export function toGrammarSchema(schema: Schema): GrammarSchema {
  return convert(schema, '') as GrammarSchema;
}

type GrammarSchema = Parameters<Llama['createGrammarForJsonSchema']>[0];

const lineBreaks = /^((?:comma-)?whitespace-[\w-]+ ::= )("," )?.*$/gm;

/**
 * Takes line breaks and indentation out of a grammar for JSON: a small model spends every seventh token on them otherwise.
 */
export const withoutLineBreaks = (grammar: string): string =>
  grammar.replace(lineBreaks, (_line, rule: string, comma: string | undefined) => `${rule}${comma ?? ''}[ ]?`);

/** Builds the grammar of a JSON schema. Throws INVALID_REQUEST where a grammar cannot follow. */
export async function createSchemaGrammar(llama: Llama, schema: Schema): Promise<LlamaGrammar> {
  const roomy = await llama.createGrammarForJsonSchema(toGrammarSchema(schema));
  return llama.createGrammar({
    grammar: withoutLineBreaks(roomy.grammar),
    stopGenerationTriggers: roomy.stopGenerationTriggers,
    trimWhitespaceSuffix: true,
  });
}
