import { BigboxError } from '../contracts/errors.ts';
import { readCommand } from './run-command.ts';

/** Where the packages of the guest come from: the host's own distribution and release, by the host's own configuration. */
export interface PackageSources {
  readonly distribution: 'Debian' | 'Ubuntu';
  /** Code name of the release, `bookworm`. */
  readonly release: string;
  /** Lines of a sources.list. */
  readonly lines: readonly string[];
}

const format = ['ORIGIN', 'CODENAME', 'REPO_URI', 'RELEASE', 'COMPONENT'].map((field) => `$(${field})`).join('|');

/**
 * Reads the host's package sources of its distribution; sources of others (vendors' archives) are left out.
 * Throws IMAGE_BUILD_FAILED when there are none, or package lists were never fetched.
 */
export async function findPackageSources(): Promise<PackageSources> {
  const targets = await readCommand('apt-get', 'indextargets', '--format', format, 'Created-By: Packages');
  const sources = parsePackageSources(targets ?? '');
  if (sources !== undefined) return sources;
  throw new BigboxError('IMAGE_BUILD_FAILED', {
    message: 'The package configuration of this machine names no source of Debian or Ubuntu whose lists were fetched.',
    remedy: 'Run apt-get update on a Debian or Ubuntu machine and start again.',
  });
}

/** Parses what `apt-get indextargets` answers; undefined where it holds no source of Debian or Ubuntu. */
export function parsePackageSources(targets: string): PackageSources | undefined {
  const rows = targets.split('\n').map((line) => line.split('|'));
  const own = rows.filter(([origin]) => origin === 'Debian' || origin === 'Ubuntu');
  // Code names of side suites start with that of the release: bookworm-security, noble-updates.
  const release = own.map((row) => row[1] ?? '').sort((a, b) => a.length - b.length)[0];
  const distribution = own[0]?.[0];
  if (release === undefined || (distribution !== 'Debian' && distribution !== 'Ubuntu')) return undefined;
  const lines = own
    .filter(([origin, codename]) => origin === distribution && codename?.split('-')[0] === release)
    .map(([, , uri, suite, component]) => `deb ${uri} ${suite} ${component}`);
  return { distribution, release, lines: [...new Set(lines)] };
}
