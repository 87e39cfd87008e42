import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import type { MachineRecord } from '../driver.ts';
import { MachineSpec } from '../machine-spec.ts';
import { AdoptedProcess } from '../process/adopted-process.ts';
import { assertMachine } from '../process/assert-machine.ts';
import type { MachinePlace } from '../process/leftovers.ts';
import { toMachineName } from '../process/machine-name.ts';
import { ApiClient } from './api-client.ts';
import { FirecrackerMachine } from './firecracker-machine.ts';
import { Jail, jailFiles } from './jail.ts';
import { nameIn } from './leftovers.ts';

const adoptTimeoutMs = 5000;

/** What is written down of a machine of Firecracker. */
const Facts = z.object({
  pid: z.number().int().positive(),
  startTime: z.string(),
  executable: z.string(),
  spec: MachineSpec,
  maker: z.object({ driver: z.string(), version: z.string(), accelerator: z.literal('kvm'), cpu: z.string() }),
  userId: z.number().int().positive(),
});

/** Takes over a Firecracker process with its guest. Throws VM_LOST when it is not the recorded one or takes no orders. */
export async function adoptMachine(record: MachineRecord, place: MachinePlace): Promise<FirecrackerMachine> {
  const { id } = record;
  const name = toMachineName(place.runDirectory, id);
  let jail: Jail | undefined;
  try {
    const facts = Facts.parse(record.facts);
    await assertMachine(facts, name, { nameIn });
    jail = await Jail.open({ runDirectory: place.runDirectory, name, userId: facts.userId });
    const socketPath = jail.socket(jailFiles.api);
    await new ApiClient({ socketPath, signal: AbortSignal.timeout(adoptTimeoutMs) }).call('GET', '/');
    const process = new AdoptedProcess(facts);
    const gone = new AbortController();
    void process.exited.then((exit) => gone.abort(new Error(exit.detail)));
    const api = new ApiClient({ socketPath, signal: gone.signal });
    const release = async (): Promise<void> => place.groups?.remove(name);
    return new FirecrackerMachine({ id, process, api, jail, release, spec: facts.spec, maker: facts.maker });
  } catch (cause) {
    await jail?.close();
    throw new BigboxError('VM_LOST', {
      message: `The VM could not be taken over: ${(cause as Error).message}.`,
      context: { machine: id },
      cause,
    });
  }
}
