import { BigboxError } from '../../contracts/errors.ts';

/** The one template of this version. */
export const templateName = 'debian-bookworm';

/** Names of upstream's VM types that stand for our template. */
export const typeAliases: readonly string[] = [
  'ubuntu-focal',
  'focal',
  'focal-optimized',
  'focal-ci',
  'bionic-test',
  'ubuntu',
];

/** Gives the real name of a VM type. Throws VM_TEMPLATE_UNKNOWN. */
export function resolveType(name: string): string {
  const wanted = name.trim().toLowerCase();
  if (wanted === templateName || wanted === 'default' || typeAliases.includes(wanted)) return templateName;
  throw new BigboxError('VM_TEMPLATE_UNKNOWN', {
    message: `There is no VM type ${JSON.stringify(name.slice(0, 100))}; there is ${templateName}, also under the names ${typeAliases.join(', ')}.`,
    context: { requested: name.slice(0, 100), known: [templateName, ...typeAliases] },
  });
}
