import { createHash } from 'node:crypto';
import { chmod, copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { BigboxError } from '../contracts/errors.ts';
import { type BuildOptions, ensureDirectory, exists, logPathOf } from './cache.ts';
import { readCommand, runCommand } from './run-command.ts';

const oldestCargo = [1, 88] as const;
const target = 'x86_64-unknown-linux-gnu';
const toolchainFlags = ['build', '--release', '--locked', '--bin', 'agent'];
/** Debian installs the newer toolchain of `cargo-web` and `rustc-web` under the plain names. */
const systemPath = '/usr/bin';

export interface GuestAgentOptions extends BuildOptions {
  /** The `guest` folder of this repository. */
  readonly sourceDir: string;
}

/**
 * Gives the path of the guest agent, a static executable, building it when the cache has none of these sources. Uses the first
 * cargo of PATH, or the distribution's in /usr/bin, that is new enough. Throws IMAGE_BUILD_FAILED.
 */
export async function ensureGuestAgent(options: GuestAgentOptions): Promise<string> {
  const key = await hashSources(options.sourceDir);
  const directory = await ensureDirectory(
    join(options.cacheDir, 'guest-agent', key),
    options.signal,
    async (unfinished) => {
      options.onProgress?.({ step: 'building the guest agent' });
      const path = await findToolchain(options.environment['PATH'] ?? '');
      await runCommand({
        program: 'cargo',
        arguments: [...toolchainFlags, '--target-dir', join(unfinished, 'target')],
        directory: options.sourceDir,
        environment: { ...options.environment, PATH: path },
        logPath: logPathOf(unfinished, 'build'),
        failure: 'IMAGE_BUILD_FAILED',
        signal: options.signal,
      });
      const built = join(unfinished, 'target', target, 'release', 'agent');
      await copyFile(built, join(unfinished, 'agent'));
      await chmod(join(unfinished, 'agent'), 0o755);
      await rm(join(unfinished, 'target'), { recursive: true });
    },
  );
  return join(directory, 'agent');
}

/** Hashes everything that decides what the agent is: sources, protocol, lock file, settings and flags. */
async function hashSources(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('target/'))
    .toSorted();
  if (!files.includes('Cargo.lock')) {
    throw new BigboxError('IMAGE_BUILD_FAILED', {
      message: `${directory} does not hold the sources of the guest agent.`,
      context: { directory },
    });
  }
  const hash = createHash('sha256').update(toolchainFlags.join(' '));
  for (const file of files) {
    const content = await readFile(join(directory, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Gives a PATH whose cargo is new enough. */
async function findToolchain(path: string): Promise<string> {
  const found: string[] = [];
  for (const directory of [...path.split(':'), systemPath]) {
    const version = await readCargoVersion(directory);
    if (version === undefined) continue;
    if (isNewEnough(version)) return `${directory}:${path}`;
    found.push(`${version.join('.')} in ${directory}`);
  }
  throw new BigboxError('IMAGE_BUILD_FAILED', {
    message: `The guest agent needs cargo ${oldestCargo.join('.')} or newer; found: ${found.join(', ') || 'none'}.`,
    remedy: 'Install the packages cargo-web and libstd-rust-web-dev, or Rust from its makers.',
  });
}

type Version = readonly [major: number, minor: number];

async function readCargoVersion(directory: string): Promise<Version | undefined> {
  const cargo = join(directory, 'cargo');
  if (directory === '' || !(await exists(cargo))) return undefined;
  const version = /cargo (\d+)\.(\d+)/.exec((await readCommand(cargo, '--version')) ?? '');
  return version === null ? undefined : [Number(version[1]), Number(version[2])];
}

const isNewEnough = ([major, minor]: Version): boolean =>
  major > oldestCargo[0] || (major === oldestCargo[0] && minor >= oldestCargo[1]);
