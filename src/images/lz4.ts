const legacyMagic = 0x184c2102;
const maxBlock = 8 << 20;

/** Unpacks the LZ4 legacy format that kernels use: blocks of at most 8 MiB; ends at the first word that is no block. */
export function decompressLegacyLz4(packed: Uint8Array): Buffer {
  const input = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (input.readUInt32LE(0) !== legacyMagic) throw new Error('not LZ4 in the legacy format');
  const blocks: Buffer[] = [];
  let position = 4;
  while (position + 4 <= input.length) {
    const size = input.readUInt32LE(position);
    if (size === 0 || size > maxBlock * 2 || position + 4 + size > input.length) break;
    const block = decompressBlock(input.subarray(position + 4, position + 4 + size));
    blocks.push(block);
    position += 4 + size;
    if (block.length < maxBlock) break;
  }
  return Buffer.concat(blocks);
}

function decompressBlock(input: Buffer): Buffer {
  const output = Buffer.allocUnsafe(maxBlock);
  let read = 0;
  let written = 0;
  const byte = (): number => {
    const value = input[read];
    if (value === undefined) throw new Error('LZ4 block ends early');
    read += 1;
    return value;
  };
  const longLength = (short: number): number => {
    let length = short;
    if (short < 15) return length;
    for (let more = 255; more === 255; length += more) more = byte();
    return length;
  };
  while (read < input.length) {
    const token = byte();
    const literals = longLength(token >> 4);
    if (read + literals > input.length || written + literals > maxBlock) throw new Error('LZ4 literals too long');
    input.copy(output, written, read, read + literals);
    read += literals;
    written += literals;
    if (read === input.length) break;
    const distance = byte() | (byte() << 8);
    const length = longLength(token & 15) + 4;
    if (distance === 0 || distance > written || written + length > maxBlock) throw new Error('LZ4 match out of range');
    copyMatch(output, { from: written - distance, to: written, length });
    written += length;
  }
  return output.subarray(0, written);
}

/** A match may overlap what it produces; then it repeats. */
function copyMatch(
  output: Buffer,
  match: { readonly from: number; readonly to: number; readonly length: number },
): void {
  const distance = match.to - match.from;
  let done = 0;
  while (done < match.length) {
    const size = Math.min(match.length - done, distance + done);
    output.copyWithin(match.to + done, match.from, match.from + size);
    done += size;
  }
}
