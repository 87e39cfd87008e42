import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generatedPages } from './generate.ts';

test.each(Object.entries(await generatedPages()))('%s is what npm run generate writes', (path, content) => {
  expect(readFileSync(join(import.meta.dirname, '..', path), 'utf8')).toBe(content);
});
