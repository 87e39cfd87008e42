import { join } from 'node:path';

/** Where the log of a service stands. */
export const logFileOf = (dataDir: string, name: string): string => join(dataDir, 'logs', `${name}.log`);
