import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packTar, type TarFile, unpackTar } from './tar.ts';

const toFile = (name: string, text: string): TarFile => ({
  name,
  size: Buffer.byteLength(text),
  content: Readable.from([Buffer.from(text)]),
});

const collect = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

async function read(archive: Buffer, chunkBytes = 1000): Promise<Record<string, string>> {
  const chunks = function* (): Generator<Buffer> {
    for (let at = 0; at < archive.length; at += chunkBytes) yield archive.subarray(at, at + chunkBytes);
  };
  const found: Record<string, string> = {};
  for await (const { name, content } of unpackTar(Readable.from(chunks())))
    found[name] = (await collect(content)).toString();
  return found;
}

const texts = { empty: '', 'folder/short': 'a', block: 'b'.repeat(512), long: 'c'.repeat(70_000) };

describe('tar', () => {
  let directory: string;
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'bigbox-tar-'))));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('gives back what was packed, in whatever pieces it comes', async () => {
    const archive = await collect(packTar(Object.entries(texts).map(([name, text]) => toFile(name, text))));
    for (const chunkBytes of [1, 511, 512, 1 << 20]) expect(await read(archive, chunkBytes)).toEqual(texts);
  });

  test('is understood by the tar of the system, and understands it', async () => {
    const path = join(directory, 'a.tar');
    await writeFile(path, await collect(packTar([toFile('note', texts.long)])));
    execFileSync('tar', ['-xf', path, '-C', directory]);
    expect(await readFile(join(directory, 'note'), 'utf8')).toBe(texts.long);
    execFileSync('tar', ['--format=ustar', '-cf', path, '-C', directory, 'note']);
    expect(await read(await readFile(path))).toEqual({ note: texts.long });
  });

  test('refuses links, folders, damage and an early end', async () => {
    const path = join(directory, 'a.tar');
    execFileSync('ln', ['-s', '/etc/passwd', join(directory, 'link')]);
    for (const name of ['link', '.']) {
      execFileSync('tar', ['--format=ustar', '-cf', path, '-C', directory, '--no-recursion', name]);
      await expect(read(await readFile(path))).rejects.toThrow('is not a plain file');
    }
    const archive = await collect(packTar([toFile('note', texts.long)]));
    await expect(read(archive.subarray(0, 2000))).rejects.toThrow('it ends early');
    archive.write('x', 3);
    await expect(read(archive)).rejects.toThrow('wrong sum');
    await expect(read(Buffer.alloc(512, 'x'))).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('refuses to write a file that is not as long as was said', async () => {
    await expect(collect(packTar([{ ...toFile('note', 'abc'), size: 4 }]))).rejects.toThrow('note has 3 bytes, not 4');
  });
});
