import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { BigboxError } from '../contracts/errors.ts';

/** What the initramfs needs to reach its disk and the host, by the kernel's own names. */
export const neededModules: readonly string[] = [
  'virtio_pci',
  'virtio_mmio',
  'virtio_blk',
  'virtio_console',
  'virtio_rng',
  'virtio_net',
  'ext4',
  'overlay',
  'vsock',
  'vmw_vsock_virtio_transport',
  'crc32c_generic',
];

export interface KernelModule {
  /** File name in the initramfs. */
  readonly file: string;
  readonly content: Buffer;
}

/**
 * Collects modules and what they depend on, each after what it needs. What is built into the kernel is left out.
 * Throws IMAGE_BUILD_FAILED when one is neither a module nor built in.
 */
export async function collectModules(directory: string, names: readonly string[]): Promise<readonly KernelModule[]> {
  const files = await findModuleFiles(directory);
  const builtIn = await readBuiltIn(directory);
  const collected = new Map<string, KernelModule>();
  const add = async (name: string): Promise<void> => {
    if (collected.has(name) || builtIn.has(name)) return;
    const path = files.get(name);
    if (path === undefined) {
      throw new BigboxError('IMAGE_BUILD_FAILED', {
        message: `The kernel package has no module ${name}.`,
        context: { module: name, directory },
      });
    }
    const content = await readModule(path);
    for (const needed of parseDependencies(content)) await add(needed);
    collected.set(name, { file: `${name}.ko`, content });
  };
  for (const name of names) await add(name);
  return [...collected.values()];
}

async function findModuleFiles(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const modules = entries.filter((entry) => /\.ko(\.zst)?$/.test(entry.name));
  return new Map(modules.map((entry) => [toModuleName(entry.name), join(entry.parentPath, entry.name)]));
}

async function readBuiltIn(directory: string): Promise<ReadonlySet<string>> {
  const list = await readFile(join(directory, 'modules.builtin'), 'utf8');
  return new Set(list.split('\n').map((line) => toModuleName(basename(line))));
}

const toModuleName = (file: string): string => file.replace(/\.ko(\.zst)?$/, '').replaceAll('-', '_');

async function readModule(path: string): Promise<Buffer> {
  const content = await readFile(path);
  return path.endsWith('.zst') ? zstdDecompressSync(content) : content;
}

/** Reads the names in the `depends=` entry of a module's information section. */
export function parseDependencies(module: Buffer): readonly string[] {
  const entry = Buffer.from('\0depends=');
  const start = module.indexOf(entry);
  if (start < 0) return [];
  const from = start + entry.length;
  const list = module.toString('latin1', from, module.indexOf(0, from));
  return list === '' ? [] : list.split(',').map((name) => name.replaceAll('-', '_'));
}
