import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { toGrammarSchema, withoutLineBreaks } from './grammar-schema.ts';

describe('toGrammarSchema()', () => {
  test('keeps the shape that zod writes and drops what only describes', () => {
    const schema = z.toJSONSchema(
      z.object({
        name: z.string().max(9),
        tags: z.array(z.enum(['a', 'b'])).min(1),
        age: z.number().min(3).nullable(),
      }),
    );
    expect(toGrammarSchema(schema)).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 9 },
        tags: { type: 'array', minItems: 1, items: { type: 'string', enum: ['a', 'b'] } },
        age: { oneOf: [{ type: 'number' }, { type: 'null' }] },
      },
    });
  });

  test('follows references in either spelling', () => {
    expect(
      toGrammarSchema({ properties: { a: { $ref: '#/definitions/node' } }, definitions: { node: { type: 'string' } } }),
    ).toEqual({ properties: { a: { $ref: '#/$defs/node' } }, $defs: { node: { type: 'string' } } });
  });

  test.each([
    [{ allOf: [{ type: 'string' }] }, /the root has allOf/],
    [{ properties: { a: { not: {} } } }, /properties\.a has not|a has not/],
    [{ items: 7 }, /items has 7, expected a schema object/],
  ])('refuses %j', (schema, message) => {
    expect(() => toGrammarSchema(schema)).toThrow(message);
  });
});

describe('withoutLineBreaks()', () => {
  test('leaves one blank at most between the parts of an object', () => {
    const grammar =
      'comma-whitespace-b-1-4-rule ::= "," ([\\n] ("    " | "\\t") | [ ]?)\nwhitespace-b-0-4-rule ::= [\\n] | [ ]?';
    expect(withoutLineBreaks(grammar)).toBe('comma-whitespace-b-1-4-rule ::= "," [ ]?\nwhitespace-b-0-4-rule ::= [ ]?');
  });
});
