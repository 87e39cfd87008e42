import type { VmBenchmark } from '../../contracts/capabilities.ts';
import type { Clock } from '../../lib/clock.ts';
import type { NamedVms } from '../named/named-vms.ts';
import type { ProcessProgram } from '../processes/process-program.ts';
import type { Processes } from '../processes/processes.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';

type FigureName = VmBenchmark['figures'][number]['name'];
export type Times = ReadonlyMap<FigureName, readonly number[]>;

export interface MeasuredParts {
  readonly named: Pick<NamedVms, 'create' | 'settled' | 'pause' | 'resume' | 'delete' | 'capture'>;
  readonly processes: Pick<Processes, 'run'>;
  readonly snapshots: Pick<Snapshots, 'create' | 'delete'>;
  readonly clock: Clock;
  readonly vmType: string;
}

/** The least that a machine can be asked for. */
const nothing: ProcessProgram = {
  argv: ['/bin/true'],
  env: {},
  user: 'sandbox',
  stdin: new Uint8Array(),
  keepStdin: false,
};
const warmExecutions = 5;

/**
 * Uses VMs as callers do, one after the other, and gives how many milliseconds each step took. Nothing of them is left. Throws what the
 * steps throw, and the signal's reason.
 */
export async function measure(parts: MeasuredParts, rounds: number, signal: AbortSignal): Promise<Times> {
  const times = new Map<FigureName, number[]>();
  const take = async <TResult>(name: FigureName, step: () => Promise<TResult>): Promise<TResult> => {
    signal.throwIfAborted();
    const beganAt = parts.clock.monotonic();
    const result = await step();
    times.set(name, [...(times.get(name) ?? []), parts.clock.monotonic() - beganAt]);
    return result;
  };
  for (let round = 0; round < rounds; round += 1) await measureOne(parts, take, signal);
  return times;
}

type Take = <TResult>(name: FigureName, step: () => Promise<TResult>) => Promise<TResult>;

async function measureOne(parts: MeasuredParts, take: Take, signal: AbortSignal): Promise<void> {
  const { named, processes, snapshots, vmType } = parts;
  const made: string[] = [];
  const run = async (): Promise<void> => void (await processes.run(made[0] ?? '', nothing, signal));
  try {
    await take('create-to-first-exec', async () => {
      const { id } = named.create({ vmType, name: 'benchmark' });
      made.push(id);
      const { error } = await named.settled(id);
      if (error !== undefined) throw error;
      await run();
    });
    const id = made[0] ?? '';
    for (let count = 0; count < warmExecutions; count += 1) await take('warm-exec', run);
    await take('pause', () => named.pause(id));
    await take('resume', () => named.resume(id));
    const wish = { vmId: id, vmType, name: 'benchmark' };
    const kept = await take('snapshot', () => snapshots.create(wish, (directory) => named.capture(id, directory)));
    await snapshots.delete(kept.id);
  } finally {
    for (const id of made) await named.delete(id);
  }
}
