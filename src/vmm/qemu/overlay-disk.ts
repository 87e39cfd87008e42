import { open } from 'node:fs/promises';

const clusterBits = 16;
const cluster = 1 << clusterBits;
const headerLength = 104;

/**
 * Writes an empty qcow2 layer of the given virtual size. What lies below it is named on QEMU's command line, never in the file,
 * so a guest that got hold of the file could not point it elsewhere.
 */
export async function writeEmptyLayer(path: string, virtualBytes: number, userId?: number): Promise<void> {
  const bytesPerL1Entry = (cluster / 8) * cluster;
  const l1Entries = Math.max(1, Math.ceil(virtualBytes / bytesPerL1Entry));
  const l1Clusters = Math.ceil((l1Entries * 8) / cluster);
  const file = Buffer.alloc((3 + l1Clusters) * cluster);
  file.write('QFI\u00fb', 0, 'latin1');
  file.writeUInt32BE(3, 4);
  file.writeUInt32BE(clusterBits, 20);
  file.writeBigUInt64BE(BigInt(virtualBytes), 24);
  file.writeUInt32BE(l1Entries, 36);
  file.writeBigUInt64BE(BigInt(3 * cluster), 40);
  file.writeBigUInt64BE(BigInt(cluster), 48);
  file.writeUInt32BE(1, 56);
  file.writeUInt32BE(4, 96);
  file.writeUInt32BE(headerLength, 100);
  file.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let index = 0; index < 3 + l1Clusters; index += 1) file.writeUInt16BE(1, 2 * cluster + 2 * index);
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.write(file);
    if (userId !== undefined) await handle.chown(userId, userId);
  } finally {
    await handle.close();
  }
}
