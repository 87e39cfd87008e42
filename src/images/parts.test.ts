import { describe, expect, test } from 'vitest';
import { createInitramfs } from './initramfs.ts';
import { decompressLegacyLz4 } from './lz4.ts';
import { parseDependencies } from './modules.ts';
import { parsePackageSources } from './sources.ts';

describe('decompressLegacyLz4()', () => {
  const block = (...bytes: number[]): Buffer => {
    const header = Buffer.alloc(8);
    header.writeUInt32LE(0x184c2102, 0);
    header.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([header, Buffer.from(bytes)]);
  };

  test('unpacks literals and a match that overlaps itself', () => {
    // Three literals, then ten bytes from three back; then one literal.
    const packed = block(0x36, ...Buffer.from('abc'), 3, 0, 0x10, ...Buffer.from('!'));
    expect(decompressLegacyLz4(packed).toString()).toBe('abcabcabcabca!');
  });

  test('reads lengths that take more bytes', () => {
    const packed = block(0xf0, 5, ...Buffer.from('abcdefghijklmnopqrst'));
    expect(decompressLegacyLz4(packed).toString()).toBe('abcdefghijklmnopqrst');
  });

  test('refuses a match before the start', () => {
    expect(() => decompressLegacyLz4(block(0x10, 97, 9, 0, 0x00))).toThrow('match out of range');
  });

  test('refuses another format', () => {
    expect(() => decompressLegacyLz4(Buffer.alloc(16))).toThrow('legacy');
  });
});

describe('parseDependencies()', () => {
  test('reads the names in their order, as the kernel spells them', () => {
    const module = Buffer.from('\0license=GPL\0depends=virtio,virtio-ring\0name=x\0');
    expect(parseDependencies(module)).toEqual(['virtio', 'virtio_ring']);
    expect(parseDependencies(Buffer.from('\0depends=\0'))).toEqual([]);
  });
});

describe('createInitramfs()', () => {
  const modules = [
    { file: 'virtio.ko', content: Buffer.from('one') },
    { file: 'virtio_blk.ko', content: Buffer.from('two!') },
  ];

  test('gives the same bytes for the same input, in whole words', () => {
    const archive = createInitramfs(Buffer.from('agent'), modules);
    expect(archive.equals(createInitramfs(Buffer.from('agent'), modules))).toBe(true);
    expect(archive.length % 4).toBe(0);
  });

  test('names the modules in loading order', () => {
    expect(createInitramfs(Buffer.from('agent'), modules).toString('latin1')).toContain('virtio.ko\nvirtio_blk.ko\n');
  });
});

describe('parsePackageSources()', () => {
  const targets = [
    'Vendor|nodistro|https://vendor.example/apt|nodistro|main',
    'Debian|bookworm|http://mirror.example/debian/|bookworm|main',
    'Debian|bookworm-security|http://mirror.example/security/|bookworm-security|main',
    'Debian|trixie|http://mirror.example/debian/|trixie|main',
    '',
  ];

  test('takes the sources of the distribution and its release only', () => {
    const lines = targets.filter((line) => !line.includes('trixie'));
    expect(parsePackageSources(lines.join('\n'))).toEqual({
      distribution: 'Debian',
      release: 'bookworm',
      lines: [
        'deb http://mirror.example/debian/ bookworm main',
        'deb http://mirror.example/security/ bookworm-security main',
      ],
    });
  });

  test('finds nothing where there is none', () => {
    expect(parsePackageSources(targets[0] ?? '')).toBeUndefined();
    expect(parsePackageSources('')).toBeUndefined();
  });
});
