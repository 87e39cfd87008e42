import type { FileEntry } from '../../../src/contracts/vms.ts';

/** The path of an entry of a folder. */
export const join = (folder: string, name: string): string => `${folder === '/' ? '' : folder}/${name}`;

/** The folder that a path lies in. */
export function parentOf(path: string): string {
  const end = path.replace(/\/+$/, '').lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

const kinds: Readonly<Record<FileEntry['kind'], string>> = { directory: 'd', symlink: 'l', file: '-', other: '?' };

/** Writes kind and permissions as ls does: `-rw-r--r--`. */
export function describeMode({ kind, mode }: Pick<FileEntry, 'kind' | 'mode'>): string {
  const bits = [6, 3, 0].map((shift) =>
    ['r', 'w', 'x'].map((letter, index) => ((mode >> shift) & (4 >> index) ? letter : '-')).join(''),
  );
  return kinds[kind] + bits.join('');
}

/** The text that bytes are, or undefined where they are none. */
export function toText(data: Uint8Array): string | undefined {
  if (data.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch {
    return undefined;
  }
}
