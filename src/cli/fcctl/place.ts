import { posix } from 'node:path';

/** Where relative paths in a VM begin. */
export const guestHome = '/home/sandbox';

/** One end of a copy: a path of this machine, or one in a VM. */
export type Place =
  | { readonly kind: 'here'; readonly path: string }
  | { readonly kind: 'vm'; readonly vm: string; readonly path: string; readonly isFolder: boolean };

/** Reads a place: `VM:PATH` lies in a VM, everything else here, also what has a slash before its first colon. */
export function toPlace(word: string): Place {
  const [, vm, path] = /^([^/:]+):([^]*)$/.exec(word) ?? [];
  if (vm === undefined || path === undefined) return { kind: 'here', path: word };
  return { kind: 'vm', vm, path: posix.resolve(guestHome, path), isFolder: path === '' || path.endsWith('/') };
}
