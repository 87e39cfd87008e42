import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, open, type FileHandle } from 'node:fs/promises';

/**
 * Copies a file into anonymous memory and seals it, leaving holes as holes. QEMU opens the memory of a template for writing even where
 * it maps it privately (before version 9), so without the seal one escaped VM could change the template of all others.
 */
const sealingProgram = `
use strict;
my ($path) = @ARGV;
my $name = "bigbox-template\\0";
my $descriptor = syscall(319, $name, 2);
die "memfd_create: $!" if $descriptor < 0;
open(my $memory, "+<&=", $descriptor) or die "open: $!";
open(my $file, "<", $path) or die "$path: $!";
truncate($memory, -s $path) or die "truncate: $!";
my $position = 0;
my $chunk;
while (my $count = sysread($file, $chunk, 1 << 16)) {
  if ($chunk =~ /[^\\0]/) {
    sysseek($memory, $position, 0);
    defined(syswrite($memory, $chunk)) or die "write: $!";
  }
  $position += $count;
}
fcntl($memory, 1033, 15) or die "seal: $!";
$| = 1;
print "$descriptor\\n";
my $end = <STDIN>;
`;

/** The memory of a template in a form that its clones can map. Closed by its owner. */
export interface TemplateMemory {
  /** True where a clone cannot change it. */
  readonly sealed: boolean;
  /** Opens it once more. Throws a plain error when it has been closed. */
  open(): Promise<FileHandle>;
  close(): Promise<void>;
}

/** Opens the memory file for clones; sealed where clones run as other users and the system's perl can do it. */
export async function openTemplateMemory(path: string, seal: boolean): Promise<TemplateMemory> {
  const sealed = seal ? await openSealed(path) : undefined;
  if (sealed !== undefined) return sealed;
  if (seal) await chmod(path, 0o666);
  return toMemory(await open(path, 'r+'), false);
}

async function toMemory(handle: FileHandle, sealed: boolean): Promise<TemplateMemory> {
  const { ino, dev } = await handle.stat();
  const reopen = async (): Promise<FileHandle> => {
    const again = await open(`/proc/self/fd/${handle.fd}`, 'r+');
    const found = await again.stat();
    if (found.ino === ino && found.dev === dev) return again;
    await again.close();
    throw new Error('the memory of the snapshot was closed');
  };
  return { sealed, open: reopen, close: () => handle.close() };
}

async function openSealed(path: string): Promise<TemplateMemory | undefined> {
  if (process.arch !== 'x64') return undefined;
  const child = spawn('perl', ['-e', sealingProgram, path], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    const descriptor = await readDescriptor(child);
    const handle = await open(`/proc/${child.pid}/fd/${descriptor}`, 'r+');
    return await toMemory(handle, true);
  } catch {
    return undefined;
  } finally {
    child.kill('SIGKILL');
  }
}

async function readDescriptor(child: ChildProcess): Promise<number> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  child.once('error', reject);
  child.once('exit', () => reject(new Error('the sealing program ended')));
  if (child.stdout === null) throw new Error('the sealing program has no output');
  const [chunk] = (await Promise.race([once(child.stdout, 'data'), failed])) as [Buffer];
  failed.catch(() => undefined);
  return Number.parseInt(chunk.toString(), 10);
}
