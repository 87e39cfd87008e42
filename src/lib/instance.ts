import { createHash } from 'node:crypto';
import { resolve } from 'node:path';

/** The name of a Bigbox among others on this machine: derived from its data folder, the same after every start. */
export const instanceOf = (dataDir: string): string =>
  createHash('sha256')
    .update(`bigbox instance ${resolve(dataDir)}`)
    .digest('hex')
    .slice(0, 12);
