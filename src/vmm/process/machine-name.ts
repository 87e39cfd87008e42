import { createHash } from 'node:crypto';
import { resolve } from 'node:path';

/** Names a machine so that its processes are recognised by their command line, and those of other services are not. */
export const toMachineName = (runDirectory: string, id: string): string => `${toPrefix(runDirectory)}${id}`;

/** The id in the name of a machine of this run directory; absent of others. */
export function toMachineId(runDirectory: string, name: string): string | undefined {
  const prefix = toPrefix(runDirectory);
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

const toPrefix = (runDirectory: string): string =>
  `bigbox-${createHash('sha256').update(resolve(runDirectory)).digest('hex').slice(0, 12)}-`;
