import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, exists, logPathOf } from './cache.ts';
import { runCommand } from './run-command.ts';
import type { PackageSources } from './sources.ts';

/** Apparent size of the root; blocks that hold nothing take no space on the host. */
export const rootSize = '1G';

/** Bytes of the guest that nobody reads there. */
const leftOut = ['doc', 'man', 'info', 'locale', 'bug', 'lintian', 'menu'].map((name) => `/usr/share/${name}/*`);

/** The kernel made for virtual machines. */
const kernelPackages = { Debian: 'linux-image-cloud-amd64', Ubuntu: 'linux-image-virtual' } as const;

/** Runs inside the new root's environment, before it is packed: the user of strangers' code, and the kernel beside the root. */
const customizeScript = `#!/bin/sh
set -eu
root=$1
meta_package=$2
chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash sandbox
: > "$root/etc/machine-id"
echo bigbox > "$root/etc/hostname"
printf '127.0.0.1 localhost bigbox\\n::1 localhost\\n' > "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
mkdir "$root/kernel"
cd "$root/kernel"
packages=$(apt-cache depends "$meta_package" | sed -n 's/^ *Depends: \\(linux-\\(image\\|modules\\)-[0-9].*\\)/\\1/p')
for package in $packages; do
  image=$(apt-cache depends "$package" | sed -n 's/^ *Depends: \\(linux-modules-[0-9].*\\)/\\1/p')
  apt-get download "$package" $image
done
for file in *.deb; do dpkg-deb --extract "$file" .; rm "$file"; done
`;

/** Unpacks the archive and writes it into an image without mounting anything; as a normal user it runs under fakeroot. */
const assembleScript = `set -eu
rm -rf stage kernel
mkdir stage
tar --extract --file base.tar --directory stage --exclude='./dev/*'
mv stage/kernel kernel
truncate --size ${rootSize} root.ext4
mke2fs -q -F -t ext4 -m 0 -O ^has_journal -E lazy_itable_init=0,root_owner=0:0 -d stage root.ext4
chmod -R u+rwX stage
rm -rf stage base.tar
`;

export interface RootOptions extends BuildOptions {
  /** The packages inside, beside what every system has. */
  readonly packages: readonly string[];
}

/**
 * Builds `root.ext4` and an unpacked kernel package (`kernel/`) in a directory, from packages of the host's distribution.
 * Works as root, with user namespaces where the user has subordinate ids (mmdebstrap's unshare mode), and otherwise as any user
 * by fakechroot and fakeroot. Throws IMAGE_BUILD_FAILED.
 */
export async function buildRootFileSystem(
  directory: string,
  sources: PackageSources,
  options: RootOptions,
): Promise<void> {
  const run = (program: string, parameters: readonly string[]): Promise<void> =>
    runCommand({
      program,
      arguments: parameters,
      directory,
      environment: toEnvironment(options.environment, directory),
      logPath: logPathOf(directory, 'build'),
      failure: 'IMAGE_BUILD_FAILED',
      signal: options.signal,
    });
  const archive = join(directory, 'base.tar');
  await writeFile(join(directory, 'customize.sh'), customizeScript, { mode: 0o755 });
  // mmdebstrap's helpers run as other users of its own.
  await mkdir(join(directory, 'temporary'), { recursive: true, mode: 0o755 });
  if (!(await exists(archive))) {
    options.onProgress?.({ step: `putting ${sources.distribution} ${sources.release} together from packages` });
    await run('mmdebstrap', mmdebstrapArguments(directory, sources, options.packages));
    await run('mv', ['base.tar.part', archive]);
  }
  options.onProgress?.({ step: 'writing the root file system' });
  const shell = ['sh', '-c', assembleScript];
  const [program, ...parameters] = process.getuid?.() === 0 ? shell : ['fakeroot', '--', ...shell];
  await run(program ?? 'sh', parameters);
  await rm(join(directory, 'temporary'), { recursive: true, force: true });
}

/** Debian keeps mke2fs and others where a normal user's PATH does not lead. */
const toEnvironment = (environment: NodeJS.ProcessEnv, directory: string): NodeJS.ProcessEnv => ({
  ...environment,
  PATH: `${environment['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
  TMPDIR: join(directory, 'temporary'),
});

function mmdebstrapArguments(
  directory: string,
  sources: PackageSources,
  packages: readonly string[],
): readonly string[] {
  const customize = join(directory, 'customize.sh');
  return [
    '--mode=auto',
    '--variant=minbase',
    '--format=tar',
    `--include=${packages.join(',')}`,
    ...leftOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    `--customize-hook='${customize}' "$1" ${kernelPackages[sources.distribution]}`,
    sources.release,
    join(directory, 'base.tar.part'),
    ...sources.lines,
  ];
}
