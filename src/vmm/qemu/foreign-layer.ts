import { open } from 'node:fs/promises';

const magic = 0x5146_49fb;
const headerBytes = 104;

/**
 * Looks at a disk layer that was not written here, before QEMU does: it may name no file below it, no file beside it, and use nothing
 * that our layers do not. Throws a plain error.
 */
export async function assertPlainLayer(path: string): Promise<void> {
  const header = Buffer.alloc(headerBytes);
  const file = await open(path);
  try {
    await file.read(header, 0, headerBytes, 0);
  } finally {
    await file.close();
  }
  if (header.readUInt32BE(0) !== magic || header.readUInt32BE(4) !== 3) throw new Error(`${path} is no disk layer`);
  const backingName = header.readBigUInt64BE(8);
  const encryption = header.readUInt32BE(32);
  const innerSnapshots = header.readUInt32BE(60);
  // Among them is the one for a file of data beside it, which would name any file of the host.
  const incompatibleFeatures = header.readBigUInt64BE(72);
  if (backingName === 0n && encryption === 0 && innerSnapshots === 0 && incompatibleFeatures === 0n) return;
  throw new Error(`${path} is a disk layer that was not written by this driver`);
}
