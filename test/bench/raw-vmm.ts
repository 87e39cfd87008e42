import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { connectGuest, type GuestConnection } from '../../src/guest/index.ts';
import type { MachineSpec, Snapshot } from '../../src/vmm/index.ts';
import { writeEmptyLayer } from '../../src/vmm/qemu/overlay-disk.ts';

/** One QEMU process started as plainly as can be: no user, no namespaces, no sandbox, no checks. The limit that ours is held against. */
export interface RawVmm {
  readonly child: ChildProcess;
  command(name: string, parameters?: object): Promise<unknown>;
  connect(): Promise<GuestConnection>;
  kill(): Promise<void>;
}

const diskBytes = 1 << 30;

async function waitForSocket(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    const opened = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    if (opened) return socket;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function disks(directory: string, spec: MachineSpec, snapshot?: Snapshot): string[] {
  const base = `driver=raw,node-name=base,read-only=on,file.driver=file,file.filename=${spec.disk},file.locking=off`;
  const frozen = `driver=qcow2,node-name=frozen,backing=base,read-only=on,file.driver=file,file.filename=${snapshot?.directory ?? ''}/${snapshot?.layers[0] ?? ''},file.locking=off`;
  const below = snapshot === undefined ? 'base' : 'frozen';
  const layer = `driver=qcow2,node-name=layer,backing=${below},file.driver=file,file.filename=${join(directory, 'layer')},file.locking=off,cache.no-flush=on`;
  const words = ['-blockdev', base, ...(snapshot === undefined ? [] : ['-blockdev', frozen]), '-blockdev', layer];
  return [...words, '-blockdev', 'driver=raw,node-name=top,file=layer', '-device', 'virtio-blk-pci,drive=top'];
}

/** Starts QEMU and resolves when it takes commands. */
export async function startRaw(directory: string, spec: MachineSpec, snapshot?: Snapshot): Promise<RawVmm> {
  await mkdir(directory, { recursive: true });
  await writeEmptyLayer(join(directory, 'layer'), diskBytes);
  const memory = snapshot === undefined ? join(directory, 'memory') : join(snapshot.directory, 'memory');
  const backend = `memory-backend-file,id=ram,size=${spec.memoryMib}M,mem-path=${memory},share=${snapshot === undefined ? 'on' : 'off'}`;
  const line =
    `-nodefaults -no-user-config -display none -no-reboot -M pc,suppress-vmdesc=on,memory-backend=ram ` +
    `-global migration.send-configuration=off -accel tcg,thread=multi,tb-size=64 -cpu max -smp ${spec.vcpus} -m ${spec.memoryMib}M ` +
    `-object ${backend} -kernel ${spec.kernel} -initrd ${spec.initramfs} -serial null -device virtio-serial-pci ` +
    `-chardev socket,id=agent,path=${directory}/agent,server=on,wait=off -device virtserialport,chardev=agent,name=agent ` +
    `-device virtio-rng-pci -qmp unix:${directory}/qmp,server=on,wait=off`;
  const incoming = snapshot === undefined ? [] : ['-incoming', 'defer'];
  const append = ['-append', `console=ttyS0 ${spec.commandLine}`];
  const child = spawn(
    'qemu-system-x86_64',
    [...line.split(' '), ...append, ...disks(directory, spec, snapshot), ...incoming],
    {
      stdio: 'ignore',
    },
  );
  const socket = await waitForSocket(join(directory, 'qmp'));
  const answers = createInterface({ input: socket });
  const command = (name: string, parameters?: object): Promise<unknown> =>
    ask(socket, answers, { execute: name, arguments: parameters });
  await command('qmp_capabilities');
  return {
    child,
    command,
    connect: () => connectGuest({ socketPath: join(directory, 'agent'), signal: AbortSignal.timeout(60_000) }),
    kill: async () => {
      socket.destroy();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** Loads the device state of a snapshot by the shortest way there is and lets the guest run. */
export async function restoreRaw(vmm: RawVmm, snapshot: Snapshot): Promise<void> {
  await vmm.command('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: true }] });
  await vmm.command('migrate-incoming', { uri: `exec:cat ${snapshot.directory}/state` });
  for (;;) {
    const { status } = (await vmm.command('query-status')) as { readonly status: string };
    if (status === 'paused' || status === 'prelaunch' || status === 'postmigrate') await vmm.command('cont');
    if (status === 'running') return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function ask(socket: Socket, answers: Interface, message: object): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const onLine = (line: string): void => {
    const answer = JSON.parse(line) as { return?: unknown; error?: { desc: string } };
    if (answer.return === undefined && answer.error === undefined) return;
    answers.off('line', onLine);
    if (answer.error === undefined) resolve(answer.return);
    else reject(new Error(answer.error.desc));
  };
  answers.on('line', onLine);
  socket.write(`${JSON.stringify(message)}\n`);
  return promise;
}
