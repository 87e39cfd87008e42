import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, exists } from '../../src/images/cache.ts';
import { imageVariable } from '../fixtures/vm-image.ts';
import { ensureFirecracker } from './firecracker-binaries.ts';
import { type LabBase, ensureLabBase } from './lab-base.ts';
import { ensureScratchDisk, ensureToolsDisk, writeRunDisk } from './lab-disks.ts';

/** Where a command in the lab writes the report that comes back. */
export const reportInLab = '/scratch/report.json';

export interface LabOptions extends BuildOptions {
  /** Ends the machine when it is over. */
  readonly deadlineMs: number;
  /** Variables of the command. */
  readonly variables: Readonly<Record<string, string>>;
  readonly onOutput: (chunk: Buffer) => void;
}

export interface LabEnd {
  /** Undefined where the machine ended without saying it. */
  readonly exitCode: number | undefined;
  /** What the command wrote to `reportInLab`. */
  readonly report: string;
  /** What the machine wrote on its console. */
  readonly console: string;
}

/** What makes programs quicker there: without the wide registers that OpenSSL likes, which are slow in an emulated processor, it hashes twice as fast. */
const quickHere = {
  OPENSSL_ia32cap: '0:0',
  NODE_OPTIONS: '--import=/project/test/nested-kvm/plain-modules.mjs',
  // The same place as /tmp, but no mount of its own: hard links to the image can be made there.
  TMPDIR: '/scratch/tmp',
};

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const toScript = (command: readonly string[], variables: Readonly<Record<string, string>>): string =>
  [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`),
    `exec ${command.map(quote).join(' ')}`,
    '',
  ].join('\n');

/**
 * Runs a command in a QEMU guest whose emulated processor has a working /dev/kvm, building what the cache lacks of it. The tree of
 * this repository is at /project, the VM image in /scratch/image, firecracker, jailer and node are on PATH; /tmp has room.
 */
export async function runInLab(command: readonly string[], options: LabOptions): Promise<LabEnd> {
  const base = await ensureLabBase(options);
  const tools = await ensureToolsDisk(await ensureFirecracker(options), options);
  const scratch = await ensureScratchDisk(options);
  const directory = await claimDirectory(options);
  try {
    const variables = { [imageVariable]: '/scratch/image', ...quickHere, ...options.variables };
    await mkdir(join(directory, 'run'));
    const run = await writeRunDisk(join(directory, 'run'), toScript(command, variables), options);
    const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8').catch(() => '');
    const machine = toArguments({ base, disks: [base.root, run, tools, scratch], directory });
    await boot(machine, directory, options).catch(async (error: unknown) => {
      throw new Error(`The lab failed. Its console:\n${await read('console')}`, { cause: error });
    });
    const status = (await read('status')).trim();
    return {
      exitCode: status === '' ? undefined : Number(status),
      report: await read('report'),
      console: await read('console'),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Makes the directory of this run, and removes those of runs that were killed. */
async function claimDirectory({ cacheDir }: LabOptions): Promise<string> {
  const runs = join(cacheDir, 'nested-kvm', 'runs');
  await mkdir(runs, { recursive: true });
  for (const name of await readdir(runs))
    if (!(await exists(`/proc/${name}`))) await rm(join(runs, name), { recursive: true, force: true });
  const own = join(runs, String(process.pid));
  await mkdir(own);
  return own;
}

interface Machine {
  readonly base: LabBase;
  readonly disks: readonly string[];
  readonly directory: string;
}

function toArguments({ base, disks, directory }: Machine): readonly string[] {
  const port = (name: string, chardev: string): readonly string[] => [
    '-chardev',
    `${chardev},id=${name}`,
    '-device',
    `virtserialport,chardev=${name},name=${name}`,
  ];
  const disk = (path: string, index: number): readonly string[] => [
    '-drive',
    `file=${path},if=none,id=disk${index},format=raw,file.locking=off,snapshot=on,cache=unsafe`,
    '-device',
    `virtio-blk-pci,drive=disk${index}`,
  ];
  // EPYC has the nested paging that KVM needs to be quick, and TCG emulates it.
  const machine = ['-M', 'pc', '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'EPYC', '-smp', '2', '-m', '4096'];
  const plain = ['-nodefaults', '-no-user-config', '-nographic', '-no-reboot'];
  const words = 'console=ttyS0 quiet loglevel=1 panic=-1 reboot=t mitigations=off random.trust_cpu=on tsc=reliable';
  const kernel = ['-kernel', base.kernel, '-initrd', base.initramfs, '-append', words];
  const devices = ['-serial', `file:${join(directory, 'console')}`, '-device', 'virtio-rng-pci'];
  const ports = [
    ...port('output', 'stdio,signal=off'),
    ...port('report', `file,path=${join(directory, 'report')}`),
    ...port('status', `file,path=${join(directory, 'status')}`),
  ];
  return [
    ...machine,
    ...plain,
    ...kernel,
    ...devices,
    '-device',
    'virtio-serial-pci',
    ...ports,
    ...disks.flatMap(disk),
  ];
}

async function boot(machine: readonly string[], directory: string, options: LabOptions): Promise<void> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.deadlineMs)]);
  const child = spawn('qemu-system-x86_64', machine, {
    cwd: directory,
    env: { ...options.environment, TMPDIR: directory },
    // The machine's port counts as closed where its standard input ends, so that stays open.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdout.on('data', options.onOutput);
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2000);
  });
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    options.signal.throwIfAborted();
    if (signal.aborted) throw new Error(`The lab was ended after ${options.deadlineMs / 1000} s.`);
    if (code !== 0) throw new Error(`The lab's machine ended with ${code ?? 'a signal'}: ${words.trim()}`);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
