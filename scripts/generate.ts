import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layers } from '../layers.mjs';
import { describeConfiguration } from '../src/config/index.ts';
import { describeVmService } from '../src/apps/fcctl-web/describe.ts';
import { describeAgentServer } from '../src/apps/terraphim-server/index.ts';
import { errorDefinitions } from '../src/contracts/errors.ts';

const root = join(import.meta.dirname, '..');

/** The error registry as a page: one row a code. */
function describeErrors(): string {
  const rows = Object.entries(errorDefinitions).map(
    ([code, { status, retry, meaning, remedy }]) => `| \`${code}\` | ${status} | ${retry} | ${meaning} | ${remedy} |`,
  );
  return `# Errors

Generated from \`src/contracts/error-registry.ts\` by \`npm run generate\`. Every error answer has the same body: \`status\` ("error"), \`code\`,
\`message\` (what failed, with which value, what was expected), \`remedy\`, \`retry\` (never, later, changed), \`context\`, \`request_id\`.

| Code | HTTP | Retry | Meaning | What to do |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** The import table as ARCHITECTURE.md shows it. */
function describeLayers(): string {
  const rows = Object.entries(layers).map(
    ([module, allowed]) => `| \`${module}\` | ${allowed.map((name) => `\`${name}\``).join(', ') || 'nothing more'} |`,
  );
  return ['| Module | May import, besides `contracts` and `lib` |', '|---|---|', ...rows].join('\n');
}

/** Replaces what stands between the two marks of a generated section. Throws when the page has no such section. */
function fillSection(page: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}: generated -->`, `<!-- /${name} -->`];
  const [before, rest] = page.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`The page has no section ${name}`);
  return `${before}${start}\n${content}\n${end}${after}`;
}

const toJson = (document: object): string => `${JSON.stringify(document, undefined, 2)}\n`;

/** Every generated page by its path from the root. */
export async function generatedPages(): Promise<Readonly<Record<string, string>>> {
  return {
    'docs/reference/agent-server.openapi.json': toJson(await describeAgentServer()),
    'docs/reference/vm-service.openapi.json': toJson(await describeVmService()),
    'docs/reference/errors.md': describeErrors(),
    'docs/reference/configuration.md': describeConfiguration(),
    'ARCHITECTURE.md': fillSection(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'), 'layers', describeLayers()),
  };
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, content] of Object.entries(await generatedPages())) writeFileSync(join(root, path), content);
}
