import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes to one of our own streams and waits while its reader is slower than we are. */
export async function writeTo(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain');
}
