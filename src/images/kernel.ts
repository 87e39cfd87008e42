import { execFile } from 'node:child_process';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { BigboxError } from '../contracts/errors.ts';
import { decompressLegacyLz4 } from './lz4.ts';

type Unpack = (packed: Buffer) => Buffer | Promise<Buffer>;

const elfMagic = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

const formats: readonly { readonly name: string; readonly magic: Buffer; readonly unpack: Unpack }[] = [
  { name: 'lz4', magic: Buffer.from([0x02, 0x21, 0x4c, 0x18]), unpack: decompressLegacyLz4 },
  { name: 'zstd', magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), unpack: (packed) => zstdDecompressSync(packed) },
  { name: 'xz', magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), unpack: unpackXz },
  { name: 'gzip', magic: Buffer.from([0x1f, 0x8b, 0x08]), unpack: (packed) => gunzipSync(packed) },
];

/** Gives the uncompressed kernel (an ELF file) inside a bzImage. Throws IMAGE_BUILD_FAILED when none is found. */
export async function extractKernel(image: Buffer): Promise<Buffer> {
  const payload = findPayload(image);
  const tried: string[] = [];
  for (const { name, magic, unpack } of formats) {
    if (!payload.subarray(0, magic.length).equals(magic)) continue;
    try {
      const kernel = await unpack(payload);
      if (kernel.subarray(0, 4).equals(elfMagic)) return kernel;
      tried.push(`${name}: not an ELF file`);
    } catch (error) {
      tried.push(`${name}: ${String(error)}`);
    }
  }
  throw new BigboxError('IMAGE_BUILD_FAILED', {
    message: `The kernel package holds no kernel in a known format (${tried.join('; ') || 'no known magic number'}).`,
  });
}

/**
 * The boot protocol's header says where the packed kernel lies (payload_offset and payload_length count from the end of the
 * real-mode code); the last four bytes hold the unpacked size and belong to no format.
 */
function findPayload(image: Buffer): Buffer {
  if (image.length < 0x250 || image.toString('latin1', 0x202, 0x206) !== 'HdrS') return image;
  const setupSectors = image.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  return image.subarray(start, start + image.readUInt32LE(0x24c) - 4);
}

async function unpackXz(packed: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const options = { encoding: 'buffer', maxBuffer: 512 << 20 } as const;
  // --single-stream: what follows in the image is no second stream.
  const child = execFile('xz', ['--decompress', '--stdout', '--single-stream'], options, (error, output) => {
    if (error === null) resolve(output);
    else reject(error);
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(packed);
  return await promise;
}
