import { z } from 'zod';
import { notBuilt } from './not-built.ts';
import { Extra, Role, VmExecution } from './role.ts';
import { Settings } from './schema.ts';

interface JsonProperty {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
}

function rows(schema: z.ZodType, prefix: string): readonly string[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, JsonProperty>;
  };
  return Object.entries(properties).map(([key, property]) => {
    const kind = property.enum === undefined ? (property.type ?? 'see text') : property.enum.map(String).join(', ');
    const fallback =
      property.default === undefined || (typeof property.default === 'object' && property.type === 'object')
        ? ''
        : `\`${JSON.stringify(property.default)}\``;
    const soon = notBuilt.some((entry) => `${prefix}${key}` === entry.path) ? ' (no effect yet)' : '';
    return `| \`${prefix}${key}\` | ${kind} | ${fallback} | ${property.description ?? ''}${soon} |`;
  });
}

const table = (lines: readonly string[]): string =>
  ['| Key | Values | Default | Meaning |', '|---|---|---|---|', ...lines].join('\n');

/** Writes docs/reference/configuration.md from the schema. */
export function describeConfiguration(): string {
  return `# Configuration

Generated from \`src/config\` by \`npm run generate\`. Values come from defaults, then the file (\`--config\`, BIGBOX_CONFIG), then the
environment, then flags. An unknown key or a wrong value stops the start; only a role's free map \`extra\` keeps keys that Bigbox does not
know, and says so.

A file is a bare role, or an object with \`roles\` (roles by name), \`default_role\` and \`selected_role\`. Beside either stands \`bigbox\`.

## \`bigbox\`: settings of the installation
Environment: BIGBOX_PORT, BIGBOX_VM_PORT, BIGBOX_MODEL_PORT, BIGBOX_DATA_DIR (else TERRAPHIM_DATA_DIR), BIGBOX_CACHE_DIR,
BIGBOX_OPEN_ON_LOOPBACK, BIGBOX_ALLOW_ORIGIN, BIGBOX_LOG_LEVEL (else RUST_LOG), BIGBOX_CONFIG, FIRECRACKER_PATH.

${table(rows(Settings, ''))}

## A role

${table(rows(Role, '').filter((row) => !row.startsWith('| `extra`')))}

## A role's \`extra\`
These keys may also stand at the role's own level.

${table(rows(Extra, 'extra.'))}

## \`extra.vm_execution\`

${table(rows(VmExecution, 'extra.vm_execution.'))}

## Keys without effect yet
${notBuilt.map((entry) => `- \`${entry.path}\`: comes with the part "${entry.part}".`).join('\n')}
`;
}
