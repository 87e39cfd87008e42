import { BigboxError } from '../../../contracts/errors.ts';

const longestName = 4096;
/** Of one file or folder, for every usual file system. */
const longestStepBytes = 255;

/** ARCHIVE_REFUSED, for something in an archive that no honest one has. */
export const refuseMember = (name: string, reason: string): BigboxError => {
  const shown = JSON.stringify(name.slice(0, 200));
  return new BigboxError('ARCHIVE_REFUSED', {
    message: `The copy was stopped at ${shown}: ${reason}.`,
    context: { name: shown },
  });
};

/** The steps that lead to a member from the folder that is unpacked; none for the folder itself. Throws ARCHIVE_REFUSED. */
export function toSteps(name: string): readonly string[] {
  if (name.includes('\0')) throw refuseMember(name, 'its name holds a NUL');
  if (name.length > longestName) throw refuseMember(name, `its name has more than ${longestName} characters`);
  if (name.startsWith('/')) throw refuseMember(name, 'its name begins at the root');
  const steps = name.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.includes('..')) throw refuseMember(name, 'its name leads out of the folder');
  return steps;
}

/** What names that are not UTF-8 are read with. */
export const isReadable = (name: string): boolean => !name.includes('\u{fffd}');

/** Why nothing of this name can be here; undefined where it can. */
export function whyUnnameable(name: string, steps: readonly string[]): string | undefined {
  if (!isReadable(name)) return 'its name is not UTF-8';
  if (steps.every((step) => Buffer.byteLength(step) <= longestStepBytes)) return undefined;
  return `a part of its name has more than ${longestStepBytes} bytes`;
}

/**
 * Whether a link stays in the folder whatever its target passes through: up at its beginning only, and no further than to the folder.
 * Later steps up could start from where another link leads.
 */
export function staysInside(steps: readonly string[], target: string): boolean {
  if (target.startsWith('/') || target.includes('\0')) return false;
  const way = target.split('/').filter((step) => step !== '' && step !== '.');
  const up = way.findIndex((step) => step !== '..');
  const ups = up === -1 ? way.length : up;
  return ups < steps.length && !way.slice(ups).includes('..');
}
