import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** mov al, 0x20; out 0xf4, al; hlt: tells the isa-debug-exit device to end QEMU with (0x20 << 1) | 1. */
const program = Buffer.from([0xb0, 0x20, 0xe6, 0xf4, 0xf4]);
const provedBy = (0x20 << 1) | 1;
const timeoutMs = 5000;

/**
 * Runs a five byte program on a virtual CPU of the same model as our machines, which is the only proof that KVM works: where it is
 * itself emulated, /dev/kvm opens and even small machines start, and only the full CPU model fails. Returns the reason where it does not.
 */
export async function findKvmFault(binary: string): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'bigbox-kvm-'));
  try {
    const image = Buffer.alloc(1 << 16, 0xf4);
    program.copy(image, 0xfff0);
    await writeFile(join(directory, 'probe.rom'), image);
    return await run(binary, join(directory, 'probe.rom'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function run(binary: string, image: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const machine = ['-M', 'pc', '-accel', 'kvm', '-cpu', 'host', '-m', '4', '-bios', image];
  const plain = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'];
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'];
  const child = spawn(binary, [...machine, ...plain, ...exit], {
    // QEMU aborts where KVM fails, and may leave a core dump.
    cwd: dirname(image),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2000);
  });
  child.once('error', (error) => resolve(error.message));
  child.once('close', (code, signal) => {
    const last = words.trim().split('\n')[0] ?? '';
    if (code === provedBy) resolve(undefined);
    else resolve(last === '' ? `the virtual CPU did not run (exit ${code ?? signal})` : last);
  });
  return promise;
}
