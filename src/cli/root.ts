import { resolve } from 'node:path';

/** The folder of this Bigbox: where package.json stands. */
export const root = resolve(import.meta.dirname, '..', '..');
