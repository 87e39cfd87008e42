import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { longName, paxHeader, tarEnd, tarMember, withSum } from '../../../../test/fixtures/tar-blocks.ts';
import type { LeftOutList } from './left-out.ts';
import { unpackFolder } from './unpack-folder.ts';

const maxBytes = 1_000_000;
let outside: string;
let into: string;

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'bigbox-unpack-'));
  into = join(outside, 'into');
  await mkdir(into);
  await writeFile(join(outside, 'victim'), 'untouched', { mode: 0o600 });
});

/** Whatever was tried: nothing but the target has changed. */
afterEach(async () => {
  expect((await readdir(outside)).toSorted()).toEqual(['into', 'victim']);
  expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('untouched');
  const { mode, nlink } = await lstat(join(outside, 'victim'));
  expect([mode & 0o7777, nlink]).toEqual([0o600, 1]);
  await rm(outside, { recursive: true });
});

async function* inPieces(archive: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.length; at += size) yield archive.subarray(at, at + size);
}

const unpack = (members: readonly Buffer[], pieceBytes = 700): Promise<LeftOutList> =>
  unpackFolder(inPieces(Buffer.concat([...members, tarEnd]), pieceBytes), { into, maxBytes });
const link = (path: string, linkpath: string): Buffer => tarMember({ path, linkpath, type: 'SymbolicLink' });
const secondName = (path: string, linkpath: string): Buffer => tarMember({ path, linkpath, type: 'Link' });
const folder = (path: string, mode = 0o755): Buffer => tarMember({ path, mode, type: 'Directory' });
const listed = async (): Promise<readonly string[]> => (await readdir(into, { recursive: true })).toSorted();
const modeOf = async (name: string): Promise<number> => (await lstat(join(into, name))).mode & 0o7777;

describe('unpackFolder()', () => {
  test.each([1, 512, 10_000])(
    'unpacks files, folders and links with their permissions, %i bytes at once',
    async (size) => {
      const long = `${'long/'.repeat(30)}Übung`;
      const members = [
        folder('./', 0o700),
        folder('./closed/', 0o500),
        tarMember({ path: './closed/file', mode: 0o640 }, 'content'),
        tarMember({ path: './empty', mode: 0o755 }),
        link('./closed/link', '../empty'),
        secondName('./closed/second', './closed/file'),
        longName(`./${long}\0`),
        tarMember({ path: 'cut' }, 'x'.repeat(1000)),
        paxHeader('path', `./pax/${long}`),
        tarMember({ path: 'cut' }, 'pax'),
      ];
      expect((await unpack(members, size)).count).toBe(0);
      expect(await readFile(join(into, 'closed/second'), 'utf8')).toBe('content');
      expect((await lstat(join(into, 'closed/file'))).nlink).toBe(2);
      expect(await readlink(join(into, 'closed/link'))).toBe('../empty');
      expect(await readFile(join(into, long), 'utf8')).toHaveLength(1000);
      expect(await readFile(join(into, 'pax', long), 'utf8')).toBe('pax');
      expect([await modeOf('closed'), await modeOf('closed/file'), await modeOf('empty')]).toEqual([
        0o500, 0o640, 0o755,
      ]);
      await chmod(join(into, 'closed'), 0o700);
    },
  );

  test('replaces files and links that are there, and keeps folders', async () => {
    await mkdir(join(into, 'there'), { mode: 0o750 });
    await writeFile(join(into, 'there/kept'), 'kept');
    await symlink(join(outside, 'victim'), join(into, 'there/file'));
    await unpack([folder('there', 0o700), tarMember({ path: 'there/file' }, 'new')]);
    expect(await readFile(join(into, 'there/file'), 'utf8')).toBe('new');
    expect([await modeOf('there'), await listed()]).toEqual([0o750, ['there', 'there/file', 'there/kept']]);
  });

  test('sets no bits that lend rights', async () => {
    await unpack([tarMember({ path: 'run', mode: 0o7755 }, 'x'), folder('shared', 0o7777)]);
    expect([await modeOf('run'), await modeOf('shared')]).toEqual([0o755, 0o777]);
  });
});

const victim = 'victim';
describe('a hostile archive is stopped:', () => {
  test.each<readonly [string, () => readonly Buffer[], RegExp]>([
    ['a name that leads up', () => [tarMember({ path: '../victim' }, 'bad')], /leads out/],
    ['a name that leads up from below', () => [tarMember({ path: 'a/../../victim' }, 'bad')], /leads out/],
    ['a folder that leads up', () => [folder('a/../..', 0o777)], /leads out/],
    ['an absolute name', () => [tarMember({ path: join(outside, victim) }, 'bad')], /begins at the root/],
    ['a long absolute name', () => [longName(join(outside, victim)), tarMember({ path: 'x' }, 'bad')], /at the root/],
    ['a pax name that leads up', () => [paxHeader('path', '../victim'), tarMember({ path: 'x' }, 'bad')], /leads out/],
    ['a name behind a NUL', () => [longName('a\0\n/../../victim'), tarMember({ path: 'x' }, 'bad')], /leads out/],
    [
      'a pax name before a NUL',
      () => [paxHeader('path', '../victim\0b'), tarMember({ path: 'x' }, 'bad')],
      /leads out/,
    ],
    ['a file through a link', () => [link('a', '.'), tarMember({ path: 'a/victim' }, 'bad')], /not a folder here/],
    ['a folder over a link', () => [link('a', 'b'), folder('a', 0o777)], /not a folder here/],
    ['a folder over a file', () => [tarMember({ path: 'a' }), tarMember({ path: 'a/b' })], /not a folder here/],
    ['a file over a folder', () => [folder('a'), tarMember({ path: 'a' }, 'bad')], /a folder is in its place/],
    ['a file in place of the folder', () => [tarMember({ path: '.' }, 'bad')], /replace the folder itself/],
    ['a second name from above', () => [secondName('a', '../victim')], /leads out/],
    ['a second name from the root', () => [secondName('a', join(outside, victim))], /at the root/],
    ['a name without end', () => [longName('a/'.repeat(40_000)), tarMember({ path: 'x' })], /header has more than/],
    ['a longer name than there are', () => [longName('a'.repeat(5000)), tarMember({ path: 'x' })], /more than 4096/],
    ['a wrong sum', () => [Buffer.concat([tarMember({ path: 'a' })]).fill('b', 0, 1)], /checksum/],
    ['no archive', () => [Buffer.alloc(2048, 'text')], /cannot be read/],
  ])('%s', async (_what, members, reason) => {
    const stopped = { code: 'ARCHIVE_REFUSED', message: expect.stringMatching(reason) as string };
    await expect(
      unpack([tarMember({ path: 'before' }, 'x'), ...members(), tarMember({ path: 'after' }, 'x')]),
    ).rejects.toMatchObject(stopped);
    expect(await listed()).not.toContain('after');
  });

  test('one that ends early, in a member or between two', async () => {
    const whole = Buffer.concat([tarMember({ path: 'a' }, 'x'.repeat(600)), tarMember({ path: 'b' }, 'y')]);
    for (const bytes of [600, 1536, whole.length]) {
      const unpacking = unpackFolder(inPieces(whole.subarray(0, bytes), 512), { into, maxBytes });
      await expect(unpacking).rejects.toMatchObject({ code: 'ARCHIVE_REFUSED' });
    }
  });

  test('one that is larger than is allowed, as it comes or as it is written', async () => {
    const large = tarMember({ path: 'a' }, Buffer.alloc(maxBytes + 1));
    const tooMuch = { code: 'LIMIT_EXCEEDED' };
    await expect(unpack([large])).rejects.toMatchObject(tooMuch);
    const bomb = gzipSync(Buffer.concat([large, tarEnd]));
    await expect(unpackFolder(inPieces(bomb, 100), { into, maxBytes })).rejects.toMatchObject(tooMuch);
    const endless = inPieces(Buffer.concat([tarEnd, Buffer.alloc(2 * maxBytes)]), 10_000);
    await expect(unpackFolder(endless, { into, maxBytes })).rejects.toMatchObject(tooMuch);
  });

  test('one whose next piece never comes, when a member has failed', async () => {
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield tarMember({ path: '../victim' });
      await new Promise(() => undefined);
    }
    await expect(unpackFolder(stuck(), { into, maxBytes })).rejects.toMatchObject({ code: 'ARCHIVE_REFUSED' });
  });
});

describe('what cannot be put here safely is left out:', () => {
  const special = (type: 'CharacterDevice' | 'BlockDevice' | 'FIFO'): Buffer =>
    tarMember({ path: 'special', type, devmaj: 1, devmin: 3 });
  const sparse = (): Buffer => {
    const member = tarMember({ path: 'special' }, 'map');
    member.write('S', 156, 'latin1');
    return withSum(member);
  };
  const notUtf8 = (): Buffer => {
    const member = tarMember({ path: 'special' }, 'x');
    member.writeUInt8(0xff, 3);
    return withSum(member);
  };

  test.each<readonly [string, () => Buffer, RegExp]>([
    ['a link to the root', () => link('a', '/etc/passwd'), /outside of the folder/],
    ['a link in place of the folder', () => link('.', '..'), /outside of the folder/],
    ['a link up', () => link('a', '../victim'), /outside of the folder/],
    ['a link up from below', () => link('a/b/c', '../../../victim'), /outside of the folder/],
    ['a link whose way goes up again', () => link('a', 'b/../c'), /outside of the folder/],
    ['a link that is not UTF-8', () => link('a', 'x\u{fffd}'), /not UTF-8/],
    ['a name that is not UTF-8', notUtf8, /not UTF-8/],
    [
      'a name that no file has',
      () => Buffer.concat([longName('ü'.repeat(128)), tarMember({ path: 'x' }, 'y')]),
      /more than 255 bytes/,
    ],
    ['a second name of what was not copied', () => secondName('a', 'nothing'), /second name/],
    ['a second name of itself', () => secondName('a', 'a'), /second name/],
    ['a character device', () => special('CharacterDevice'), /no file, folder or link/],
    ['a block device', () => special('BlockDevice'), /no file, folder or link/],
    ['a pipe', () => special('FIFO'), /no file, folder or link/],
    ['a sparse file', sparse, /no file, folder or link/],
  ])('%s', async (_what, member, reason) => {
    const leftOut = await unpack([member(), tarMember({ path: 'after' }, 'x')]);
    expect([leftOut.count, leftOut.toString()]).toEqual([1, expect.stringMatching(reason) as string]);
    expect(await listed()).toEqual(['after']);
  });

  test('a second name of what lay there before', async () => {
    await writeFile(join(into, 'mine'), 'mine');
    expect((await unpack([secondName('a', 'mine')])).count).toBe(1);
    expect(await listed()).toEqual(['mine']);
  });

  test('all of it counted, some of it named, with nothing that steers a terminal', async () => {
    const many = Array.from({ length: 60 }, (_, index) => link(`\u001b[2J${index}`, '/'));
    const leftOut = await unpack(many);
    expect(leftOut.toString().split('\n')).toHaveLength(52);
    expect(leftOut.toString()).toContain('left out "\\u001b[2J0": it links to "/", outside');
    expect(leftOut.toString()).toMatch(/left out 10 more\n$/);
  });
});

test('whatever its bytes are, an archive ends in files in the folder or in an error of ours', async () => {
  const good = Buffer.concat([
    folder('a'),
    tarMember({ path: 'a/b' }, 'x'.repeat(700)),
    paxHeader('path', 'a/Übung'),
    tarMember({ path: 'x' }, 'abc'),
    link('a/c', 'b'),
    longName('a/long'),
    secondName('x', 'a/b'),
    tarEnd,
  ]);
  const random = seeded(4711);
  const codes = new Set<string>();
  for (let round = 0; round < 400; round += 1) {
    const bad = Buffer.from(good);
    const header = 512 * random(bad.length / 512);
    for (let change = 0; change <= random(3); change += 1)
      bad.writeUInt8(random(256), round % 2 === 0 ? random(bad.length) : header + random(512));
    withSum(bad.subarray(header, header + 512));
    const outcome = unpackFolder(inPieces(bad, 1 + random(2000)), { into, maxBytes });
    codes.add(
      await outcome.then(
        () => 'unpacked',
        ({ code }: { readonly code?: string }) => code ?? 'no code',
      ),
    );
  }
  expect([...codes].toSorted()).toEqual(['ARCHIVE_REFUSED', 'unpacked']);
});

/** Numbers below a bound that are the same in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}
