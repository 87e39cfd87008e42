import { randomBytes } from 'node:crypto';
import { access, readdir, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import type { MachineRecord } from '../driver.ts';
import { MachineSpec } from '../machine-spec.ts';
import { AdoptedProcess } from '../process/adopted-process.ts';
import { fileNames } from './command-line.ts';
import { assertMachine } from '../process/assert-machine.ts';
import type { MachinePlace } from '../process/leftovers.ts';
import { toMachineName } from '../process/machine-name.ts';
import { isStacked } from './disk-layers.ts';
import { nameIn } from './leftovers.ts';
import { Lineage, lineageDirectory, nextLayer } from './lineage.ts';
import { MachineDirectory } from './machine-directory.ts';
import type { PageBuffers } from './page-buffers.ts';
import { QemuMachine } from './qemu-machine.ts';
import { QmpClient } from './qmp.ts';

const adoptTimeoutMs = 5000;

/** What is written down of a machine of QEMU. */
const Facts = z.object({
  pid: z.number().int().positive(),
  startTime: z.string(),
  executable: z.string(),
  spec: MachineSpec,
  maker: z.object({ driver: z.string(), version: z.string(), accelerator: z.enum(['kvm', 'tcg']), cpu: z.string() }),
});

interface AdoptionPlace extends MachinePlace {
  readonly buffers: PageBuffers;
}

/** Takes over a QEMU process with its guest. Throws VM_LOST when it is not the recorded one or takes no orders. */
export async function adoptMachine(record: MachineRecord, place: AdoptionPlace): Promise<QemuMachine> {
  const { id } = record;
  const name = toMachineName(place.runDirectory, id);
  let directory: MachineDirectory | undefined;
  let control: QmpClient | undefined;
  try {
    const facts = Facts.parse(record.facts);
    await assertMachine(facts, name, { nameIn });
    directory = await MachineDirectory.open(join(place.runDirectory, id));
    await access(directory.socket(fileNames.control));
    control = await QmpClient.connect(directory.socket(fileNames.control), AbortSignal.timeout(adoptTimeoutMs));
    const lineage = await takeLineage(control, directory);
    const { uid } = await stat(directory.path);
    const userId = uid === process.getuid?.() ? undefined : uid;
    const adopted = new AdoptedProcess(facts, await takeConsole(control, directory));
    const release = async (): Promise<void> => place.groups?.remove(name);
    const { spec, maker } = facts;
    const own = { id, process: adopted, control, directory, lineage, userId, release, buffers: place.buffers };
    return new QemuMachine({ ...own, spec, maker });
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

/** What a capture that was cut short began is undone or finished; a machine that was booted has no lineage. */
async function takeLineage(control: QmpClient, directory: MachineDirectory): Promise<Lineage | undefined> {
  for (const name of await readdir(directory.path))
    if (name.startsWith(fileNames.savedState)) await rm(directory.file(name), { force: true });
  const lineage = await Lineage.open(lineageDirectory(directory.path));
  if (lineage === undefined) return undefined;
  const { layer, layers } = lineage.heritage;
  if (await isStacked(control, nextLayer([...layers, layer]))) await lineage.freezeLayer(directory.path);
  return lineage;
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
