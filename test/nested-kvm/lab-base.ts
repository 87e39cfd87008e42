import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type BuildOptions, ensureDirectory, logPathOf } from '../../src/images/cache.ts';
import { unpackKernel } from '../../src/images/image.ts';
import { createInitramfs } from '../../src/images/initramfs.ts';
import { buildRootFileSystem } from '../../src/images/root-file-system.ts';
import { runCommand } from '../../src/images/run-command.ts';
import { findPackageSources } from '../../src/images/sources.ts';

/** Raise it when the recipe changes in a way that its inputs below do not show. */
const recipe = 1;
const packages = ['bash', 'busybox-static', 'coreutils', 'e2fsprogs', 'iproute2', 'libstdc++6', 'procps', 'util-linux'];
const modules = [
  'virtio_pci',
  'virtio_blk',
  'virtio_console',
  'virtio_rng',
  'ext4',
  'crc32c_generic',
  'overlay',
  'loop',
  'irqbypass',
  'kvm',
  'kvm_amd',
  'vhost_vsock',
  'tun',
];

const Base64 = z.string().transform((text) => Buffer.from(text, 'base64'));
/** What the initramfs is made of, kept so that a change of its script does not build the root again. */
const Parts = z.object({ modules: z.array(z.object({ file: z.string(), content: Base64 })), busybox: Base64 });

/** The parts of the lab that depend on the distribution only. */
export interface LabBase {
  readonly kernel: string;
  readonly root: string;
  /** Kernel modules by loading order, and a busybox. */
  readonly initramfs: string;
}

/** Gives kernel, root file system and initramfs of the lab's machine; building them takes a minute or two. Throws IMAGE_BUILD_FAILED. */
export async function ensureLabBase(options: BuildOptions): Promise<LabBase> {
  const sources = await findPackageSources();
  const key = toKey({ recipe, packages, modules, sources });
  const labs = join(options.cacheDir, 'nested-kvm');
  const directory = await ensureDirectory(join(labs, `base-${key}`), options.signal, async (unfinished) => {
    await buildRootFileSystem(unfinished, sources, { ...options, packages });
    const unpacked = await unpackKernel(unfinished, modules);
    await writeFile(join(unfinished, 'vmlinux'), unpacked.kernel);
    const busybox = await takeOut(unfinished, '/bin/busybox', options);
    const parts = {
      modules: unpacked.modules.map(({ file, content }) => ({ file, content: content.toString('base64') })),
    };
    await writeFile(join(unfinished, 'parts.json'), JSON.stringify({ ...parts, busybox: busybox.toString('base64') }));
    await rm(join(unfinished, 'kernel'), { recursive: true });
  });
  const init = await readFile(new URL('init.sh', import.meta.url));
  const started = join(labs, `init-${toKey({ key, init: init.toString() })}`);
  await ensureDirectory(started, options.signal, async (unfinished) => {
    const parts = Parts.parse(JSON.parse(await readFile(join(directory, 'parts.json'), 'utf8')));
    const archive = createInitramfs(init, parts.modules, { busybox: parts.busybox });
    await writeFile(join(unfinished, 'initramfs.cpio'), archive);
  });
  return {
    kernel: join(directory, 'vmlinux'),
    root: join(directory, 'root.ext4'),
    initramfs: join(started, 'initramfs.cpio'),
  };
}

const toKey = (inputs: unknown): string =>
  createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 32);

/** Reads a file out of the root file system without mounting it. */
async function takeOut(directory: string, path: string, options: BuildOptions): Promise<Buffer> {
  await runCommand({
    program: 'debugfs',
    arguments: ['-R', `dump ${path} taken-out`, 'root.ext4'],
    directory,
    environment: { ...options.environment, PATH: `${options.environment['PATH'] ?? ''}:/usr/sbin:/sbin` },
    logPath: logPathOf(directory, 'build'),
    failure: 'IMAGE_BUILD_FAILED',
    signal: options.signal,
  });
  const content = await readFile(join(directory, 'taken-out'));
  await rm(join(directory, 'taken-out'));
  return content;
}
