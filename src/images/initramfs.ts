import type { KernelModule } from './modules.ts';

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
  /** Major and minor number of a device. */
  readonly device?: readonly [number, number];
}

const directory = 0o040755;
const executable = 0o100755;
const plain = 0o100644;
const characterDevice = 0o020600;
const nothing = Buffer.alloc(0);

/**
 * Writes the initramfs (an uncompressed cpio archive, "newc"): the agent as /init, the modules with the order in which it
 * loads them, and in /bin the programs that it calls, if any. The same input gives the same bytes.
 */
export function createInitramfs(
  agent: Buffer,
  modules: readonly KernelModule[],
  programs: Readonly<Record<string, Buffer>> = {},
): Buffer {
  const order = modules.map((module) => `${module.file}\n`).join('');
  const entries: readonly Entry[] = [
    ...['dev', 'proc', 'sys', 'newroot', 'modules'].map((path) => ({ path, mode: directory, content: nothing })),
    { path: 'dev/console', mode: characterDevice, content: nothing, device: [5, 1] },
    { path: 'init', mode: executable, content: agent },
    ...modules.map((module) => ({ path: `modules/${module.file}`, mode: plain, content: module.content })),
    { path: 'modules/order', mode: plain, content: Buffer.from(order) },
    ...toProgramEntries(programs),
  ];
  const members = entries.map((entry, index) => toMember(entry, index + 1));
  return Buffer.concat([...members, toMember({ path: 'TRAILER!!!', mode: 0, content: nothing }, 0)]);
}

function toProgramEntries(programs: Readonly<Record<string, Buffer>>): readonly Entry[] {
  const files = Object.entries(programs);
  if (files.length === 0) return [];
  return [
    { path: 'bin', mode: directory, content: nothing },
    ...files.map(([name, content]) => ({ path: `bin/${name}`, mode: executable, content })),
  ];
}

function toMember(entry: Entry, inode: number): Buffer {
  const name = Buffer.from(`${entry.path}\0`);
  const [major, minor] = entry.device ?? [0, 0];
  const links = entry.mode === directory ? 2 : 1;
  // inode, mode, uid, gid, links, time, size, device (major, minor), special device (major, minor), name size, checksum
  const fields = [inode, entry.mode, 0, 0, links, 0, entry.content.length, 0, 0, major, minor, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(entry.content)]);
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
