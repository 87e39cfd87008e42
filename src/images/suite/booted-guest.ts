import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Agent, type Client, type Exit, type GuestConnection, connectGuest } from '../../guest/index.ts';
import { type Image, ensureGuestAgent, ensureImage } from '../index.ts';

type ExecRequest = Parameters<Client<typeof Agent>['exec']>[0];

/** What a program did, from its start to its end. */
export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: Exit;
}

/** A real machine with a plain QEMU around it: what is tested is the guest, not a driver. */
export interface BootedGuest extends AsyncDisposable {
  readonly socketPath: string;
  connect(): Promise<GuestConnection>;
  /** What the kernel and the agent said; nothing where all is well. */
  console(): Promise<string>;
  /** Resolves when the machine is off. */
  readonly off: Promise<void>;
}

const source = resolve(import.meta.dirname, '../../../guest');

/** Gives the image of these sources from the cache that people use, building it where it is missing. */
export async function buildImage(environment: NodeJS.ProcessEnv): Promise<Image> {
  const cacheHome = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const cacheDir = environment['BIGBOX_CACHE_DIR'] ?? join(cacheHome, 'bigbox');
  const options = { cacheDir, environment, signal: new AbortController().signal };
  return await ensureImage({ ...options, agentPath: await ensureGuestAgent({ ...options, sourceDir: source }) });
}

/** Starts a machine; its disk's changes are thrown away. The guest still boots when this returns. */
export async function bootGuest(image: Image): Promise<BootedGuest> {
  const directory = await mkdtemp(join(tmpdir(), 'bigbox-guest-'));
  const socketPath = join(directory, 'agent');
  const consolePath = join(directory, 'console');
  const machine = spawn('qemu-system-x86_64', toArguments(image, socketPath, consolePath), { stdio: 'ignore' });
  const off = ended(machine);
  return {
    socketPath,
    off,
    connect: () => connectGuest({ socketPath, deadlineMs: 120_000, signal: new AbortController().signal }),
    console: () => readFile(consolePath, 'utf8'),
    [Symbol.asyncDispose]: async () => {
      machine.kill('SIGKILL');
      await off;
      await rm(directory, { recursive: true });
    },
  };
}

/** Runs a program to its end. */
export async function run(guest: GuestConnection, request: ExecRequest): Promise<Ran> {
  const output = { stdout: '', stderr: '' };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  for await (const { event } of guest.agent.exec(request)) {
    if (event.case === 'stdout' || event.case === 'stderr') {
      output[event.case] += decoders[event.case].decode(event.value.data, { stream: true });
    }
    if (event.case === 'exit') return { ...output, exit: event.value };
  }
  throw new Error('the program ended without an exit event');
}

async function ended(machine: ChildProcess): Promise<void> {
  if (machine.exitCode === null && machine.signalCode === null) await once(machine, 'exit');
}

const toArguments = (image: Image, socketPath: string, consolePath: string): string[] =>
  [
    ['-M', 'pc', '-accel', 'tcg', '-cpu', 'max', '-m', '256', '-nodefaults', '-no-user-config', '-no-reboot'],
    ['-display', 'none', '-serial', `file:${consolePath}`],
    ['-kernel', image.kernelPath, '-initrd', image.initramfsPath],
    ['-append', `console=ttyS0 ${image.kernelArguments}`],
    ['-drive', `file=${image.rootPath},format=raw,if=none,id=root,snapshot=on`],
    ['-device', 'virtio-blk-pci,drive=root'],
    ['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${socketPath},server=on,wait=off`],
    ['-device', 'virtserialport,chardev=agent,name=agent'],
  ].flat();
