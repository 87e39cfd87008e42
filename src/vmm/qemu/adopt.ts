import { randomBytes } from 'node:crypto';
import { access, readlink, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { isRunning } from '../../lib/process-identity.ts';
import type { MachineRecord } from '../driver.ts';
import { MachineSpec } from '../machine-spec.ts';
import { AdoptedProcess } from './adopted-process.ts';
import { fileNames } from './command-line.ts';
import type { ControlGroups } from './control-group.ts';
import { belongsTo, toMachineName } from './leftovers.ts';
import { MachineDirectory } from './machine-directory.ts';
import { QemuMachine, type QemuMachineParts } from './qemu-machine.ts';
import { QmpClient } from './qmp.ts';

const adoptTimeoutMs = 5000;

/** What is written down of a machine of QEMU. */
const Facts = z.object({
  pid: z.number().int().positive(),
  startTime: z.string(),
  executable: z.string(),
  spec: MachineSpec,
  maker: z.object({ driver: z.string(), version: z.string(), accelerator: z.enum(['kvm', 'tcg']), cpu: z.string() }),
  frozenLayers: z.number().int().min(0),
});
type Facts = z.infer<typeof Facts>;

export interface AdoptionPlace {
  readonly runDirectory: string;
  readonly groups: ControlGroups | undefined;
}

/** Takes over a QEMU process with its guest. Throws VM_LOST when it is not the recorded one or takes no orders. */
export async function adoptMachine(record: MachineRecord, place: AdoptionPlace): Promise<QemuMachine> {
  const { id } = record;
  const name = toMachineName(place.runDirectory, id);
  let directory: MachineDirectory | undefined;
  let control: QmpClient | undefined;
  try {
    const facts = Facts.parse(record.facts);
    await assertIsThere(facts, name);
    directory = await MachineDirectory.open(join(place.runDirectory, id));
    await access(directory.socket(fileNames.control));
    control = await QmpClient.connect(directory.socket(fileNames.control), AbortSignal.timeout(adoptTimeoutMs));
    await rm(directory.file(fileNames.savedState), { force: true });
    const process = new AdoptedProcess(facts, await takeConsole(control, directory));
    const release = async (): Promise<void> => place.groups?.remove(name);
    return new QemuMachine({ id, process, control, directory, release, ...toParts(facts) });
  } catch (cause) {
    control?.close();
    await directory?.close();
    throw new BigboxError('VM_LOST', {
      message: `The VM could not be taken over: ${(cause as Error).message}.`,
      context: { machine: id },
      cause,
    });
  }
}

const toParts = ({ spec, maker, frozenLayers }: Facts): Pick<QemuMachineParts, 'spec' | 'maker' | 'frozenLayers'> => ({
  spec,
  maker,
  frozenLayers,
});

async function assertIsThere(facts: Facts, name: string): Promise<void> {
  const { pid } = facts;
  if (!isRunning(facts)) throw new Error(`its process ${pid} is gone`);
  const executable = await readlink(`/proc/${pid}/exe`);
  if (executable !== facts.executable)
    throw new Error(`the process ${pid} runs ${executable}, not ${facts.executable}`);
  if (!(await belongsTo(pid, name))) throw new Error(`the process ${pid} belongs to another machine`);
}

/** The console ended with the owner that held its other end; it gets a new one, in the machine's directory. */
async function takeConsole(control: QmpClient, directory: MachineDirectory): Promise<Socket> {
  // A name of its own: QEMU removes the socket of the one before when it has made this one.
  const name = `console-${randomBytes(4).toString('hex')}.sock`;
  const path = { type: 'unix', data: { path: name } };
  const backend = { type: 'socket', data: { addr: path, server: true, wait: false } };
  await control.execute('chardev-change', { id: 'console', backend });
  const socket = connect(directory.socket(name));
  await once(socket, 'connect');
  return socket;
}
