import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { nodeFlags } from './node-flags.ts';

test('the shell entry starts Node with the same flags', async () => {
  expect(await readFile('bigbox', 'utf8')).toContain(`exec node ${nodeFlags.join(' ')} `);
});

test('no script of package.json leaves the faulty compiler on', async () => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
  for (const [name, script] of Object.entries(scripts))
    for (const [, flag] of script.matchAll(/\bnode (\S+)/g)) expect(`${name}: ${flag}`).toBe(`${name}: --no-maglev`);
});
