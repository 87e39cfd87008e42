import { once } from 'node:events';

/** Writes to one of our own streams and waits while its reader is slower than we are. */
export async function writeTo(stream: NodeJS.WriteStream, data: string | Uint8Array): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain');
}
