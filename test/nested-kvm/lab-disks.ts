import { createHash } from 'node:crypto';
import { copyFile, cp, link, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join, relative } from 'node:path';
import { type BuildOptions, ensureDirectory, logPathOf } from '../../src/images/cache.ts';
import { runCommand } from '../../src/images/run-command.ts';
import { root } from '../../src/cli/root.ts';
import { hashFile } from '../../src/images/manifest.ts';
import { loadTestImageFiles } from '../fixtures/vm-image.ts';
import type { FirecrackerBinaries } from './firecracker-binaries.ts';

/** Large packages that no test in the lab loads. */
const leftOut = [
  '@bufbuild/buf',
  '@node-llama-cpp/',
  '@oxfmt/',
  '@oxlint',
  '@restatedev/restate-server',
  '@tabler/',
  '@mantine/',
  '@scalar/',
  '@tanstack/',
  '.cache',
  'knip',
  'node-llama-cpp',
  'openai',
  'oxfmt',
  'oxlint',
  'playwright-core',
];
const projectParts = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

/** Gives a disk with the Node that runs this, Firecracker and the packages of the lock file. */
export async function ensureToolsDisk(binaries: FirecrackerBinaries, options: BuildOptions): Promise<string> {
  const inputs = [leftOut, process.version, await hashFile(join(root, 'package-lock.json')), binaries.firecracker];
  return await ensureDisk({ name: 'tools', size: '2G', inputs }, options, async (stage) => {
    await mkdir(join(stage, 'bin'));
    await copyFile(process.execPath, join(stage, 'bin', 'node'));
    await copyFile(binaries.firecracker, join(stage, 'bin', 'firecracker'));
    await copyFile(binaries.jailer, join(stage, 'bin', 'jailer'));
    const modules = await realpath(join(root, 'node_modules'));
    await cp(modules, join(stage, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !leftOut.some((name) => relative(modules, path).startsWith(name)),
    });
  });
}

/** Gives a disk with our VM image and much room, over which every run writes apart. */
export async function ensureScratchDisk(options: BuildOptions): Promise<string> {
  const image = await loadTestImageFiles();
  return await ensureDisk({ name: 'scratch', size: '12G', inputs: [image.id] }, options, async (stage) => {
    await mkdir(join(stage, 'image'));
    const files = [image.rootPath, image.kernelPath, image.initramfsPath, join(image.directory, 'manifest.json')];
    for (const path of files) await link(path, join(stage, 'image', relative(image.directory, path)));
  });
}

/** Writes the disk of one run: our sources, and what is to be run. */
export async function writeRunDisk(directory: string, command: string, options: BuildOptions): Promise<string> {
  const stage = join(directory, 'stage');
  await mkdir(join(stage, 'project'), { recursive: true });
  await copyFile(new URL('start.sh', import.meta.url), join(stage, 'start.sh'));
  await writeFile(join(stage, 'command.sh'), command);
  for (const part of projectParts) await cp(join(root, part), join(stage, 'project', part), { recursive: true });
  await stripTypes(join(stage, 'project'));
  await makeDisk(directory, '128M', options);
  return join(directory, 'disk.ext4');
}

/** Leaves lines and columns where they were. */
async function stripTypes(directory: string): Promise<void> {
  for (const name of await readdir(directory, { recursive: true })) {
    if (!name.endsWith('.ts') || name.endsWith('.d.ts')) continue;
    const path = join(directory, name);
    await writeFile(path, stripTypeScriptTypes(await readFile(path, 'utf8')));
  }
}

interface Disk {
  readonly name: string;
  readonly size: string;
  readonly inputs: readonly unknown[];
}

async function ensureDisk(disk: Disk, options: BuildOptions, fill: (stage: string) => Promise<void>): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify([disk.size, ...disk.inputs]))
    .digest('hex')
    .slice(0, 32);
  const path = join(options.cacheDir, 'nested-kvm', `${disk.name}-${key}`);
  const directory = await ensureDirectory(path, options.signal, async (unfinished) => {
    options.onProgress?.({ step: `writing the disk "${disk.name}" of the lab` });
    await rm(join(unfinished, 'stage'), { recursive: true, force: true });
    await mkdir(join(unfinished, 'stage'));
    await fill(join(unfinished, 'stage'));
    await makeDisk(unfinished, disk.size, options);
  });
  return join(directory, 'disk.ext4');
}

/** Packs `stage` into `disk.ext4` and removes it. */
async function makeDisk(directory: string, size: string, options: BuildOptions): Promise<void> {
  const path = `${options.environment['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const features = ['-O', '^has_journal', '-m', '0', '-E', 'lazy_itable_init=1,root_owner=0:0'];
  await rm(join(directory, 'disk.ext4'), { force: true });
  await runCommand({
    program: 'mke2fs',
    arguments: ['-q', '-F', '-t', 'ext4', ...features, '-d', 'stage', 'disk.ext4', size],
    directory,
    environment: { ...options.environment, PATH: path },
    logPath: logPathOf(directory, 'build'),
    failure: 'IMAGE_BUILD_FAILED',
    signal: options.signal,
  });
  await rm(join(directory, 'stage'), { recursive: true });
}
