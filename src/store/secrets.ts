import { createHash, randomBytes } from 'node:crypto';

/** SHA-256 in hexadecimal. Enough for secrets of this store, because each carries 256 random bits. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Creates the id of a record that is not a run: a prefix and 12 hexadecimal digits. */
export const createRecordId = (prefix: string): string => `${prefix}-${randomBytes(6).toString('hex')}`;
