import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { BigboxError } from '../contracts/errors.ts';

const partNames: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
};

function toPath(part: string, path: readonly PropertyKey[]): string {
  const steps = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key).slice(0, 100)}`));
  return `${part}${steps.join('')}`;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return value;
}

/** Names the kind of a value without showing it: it may be a secret. */
function describeKind(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

const describeExpectation = (issue: z.core.$ZodIssue): string => {
  const index = issue.message.indexOf('expected ');
  const text = index < 0 ? issue.message : issue.message.slice(index + 'expected '.length);
  return text.replace(/, received .*$/, '');
};

/** Turns the first issue of a failed parse into INVALID_REQUEST that names path, kind of value and expectation. */
function toInvalidRequest(error: z.core.$ZodError, data: unknown, part: string): BigboxError {
  const [issue] = error.issues;
  if (issue === undefined) return new BigboxError('INVALID_REQUEST', { message: `The ${part} is not as expected.` });
  const path = toPath(part, issue.path);
  const kind = describeKind(valueAt(data, issue.path));
  const expected = describeExpectation(issue);
  return new BigboxError('INVALID_REQUEST', {
    message: `${path} is ${kind}, expected ${expected}.`,
    context: { path, found: kind, expected, problems: error.issues.length },
  });
}

/** Compiles a zod schema of a route to the check that Fastify calls. */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = partNames[httpPart ?? 'body'] ?? 'request';
  return (received: unknown) => {
    // Fastify gives null where there is no body.
    const data = part === 'body' && received === null ? undefined : received;
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: toInvalidRequest(result.error, data, part) };
  };
};
