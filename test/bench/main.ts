import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** Runs one benchmark: `npm run bench -- NAME [--json FILE]`. Figures are ratios within one run; the raw numbers go to the file. */
const { values, positionals } = parseArgs({ options: { json: { type: 'string' } }, allowPositionals: true });
const name = positionals[0] ?? '';
const file = join(import.meta.dirname, `${name}.ts`);
if (!['vm', 'snapshot', 'workflow', 'model'].includes(name) || !existsSync(file)) {
  console.error('error: name a benchmark: vm, snapshot, workflow or model.');
  process.exit(2);
}
const { run } = (await import(file)) as { run: () => Promise<object> };
const result = await run();
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
console.log(JSON.stringify(result, undefined, 2));
process.exit(0);
