import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVmId } from '../../src/contracts/ids.ts';
import type { GuestConnection } from '../../src/guest/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { VirtualMachine } from '../../src/vm/machine/virtual-machine.ts';
import type { MachineSpec, QemuDriver, Snapshot } from '../../src/vmm/index.ts';
import { type RawVmm, restoreRaw, startRaw } from './raw-vmm.ts';
import { rounds } from './rounds.ts';
import { addSample, type Samples, timed } from './summary.ts';

export interface DriverBench {
  readonly directory: string;
  readonly driver: QemuDriver;
  readonly spec: MachineSpec;
  readonly snapshot: Snapshot;
  readonly ours: Samples;
  readonly raw: Samples;
}

type Guest = Pick<GuestConnection, 'agent'>;

const boots = rounds(3);
const restores = rounds(20);
const warmExecsPerRestore = 5;
const atOnce = [rounds(10), rounds(50)];

/** Runs a program to its end, and gives the time that its agent measured from spawn to exit. */
async function run({ agent }: Guest, ...argv: string[]): Promise<number> {
  for await (const { event } of agent.exec({ argv })) {
    if (event.case !== 'exit') continue;
    if (event.value.code !== 0) throw new Error(`${argv.join(' ')} ended with ${event.value.code}`);
    return Number(event.value.durationMs);
  }
  throw new Error(`${argv.join(' ')} did not end`);
}

const runTrue = (guest: Guest): Promise<number> => run(guest, '/bin/true');
const runPython = (guest: Guest): Promise<number> => run(guest, 'python3', '-c', 'pass');

async function measureWarm(samples: Samples, guest: Guest): Promise<void> {
  for (let count = 0; count < warmExecsPerRestore; count += 1) {
    const startedAt = performance.now();
    const inGuestMs = await runTrue(guest);
    const tookMs = performance.now() - startedAt;
    addSample(samples, 'warm_exec', tookMs);
    addSample(samples, 'exec_beyond_spawn_to_exit', tookMs - inGuestMs);
  }
}

async function readPssMib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}

/** What a claim does with a clone that waits, connected, and has run the program before. */
async function measureWarmClaim(ours: Samples, vm: VirtualMachine): Promise<void> {
  const claim = (work: (guest: Guest) => Promise<number>) => async (): Promise<void> => {
    await vm.takeName(createVmId());
    await work(vm);
  };
  await timed(ours, 'claim_of_warm_clone_to_first_exec', claim(runTrue));
  await runPython(vm);
  await timed(ours, 'claim_of_warm_clone_to_first_python', claim(runPython));
}

async function measureBoot({ driver, spec, directory, ours, raw }: DriverBench, index: number): Promise<void> {
  const machine = await timed(ours, 'boot', async () => {
    const booted = await driver.bootTemplate(spec);
    const connection = await booted.connect(AbortSignal.timeout(90_000));
    await connection.agent.ping({});
    connection.close();
    return booted;
  });
  await machine.destroy();
  const vmm = await timed(raw, 'boot', async () => {
    const booted = await startRaw(join(directory, `raw-boot-${index}`), spec);
    const connection = await booted.connect();
    await connection.agent.ping({});
    connection.close();
    return booted;
  });
  await vmm.kill();
}

async function measureOurs({ driver, snapshot, ours }: DriverBench): Promise<void> {
  const begunAt = performance.now();
  const waiting = await timed(ours, 'start_process', () => driver.prelaunch(snapshot));
  const vm = await timed(ours, 'restore_in_waiting_process', () => VirtualMachine.restore(waiting, systemClock));
  try {
    const restoredAt = performance.now();
    addSample(ours, 'pss_idle_alone_mib', (await vm.memory()).proportionalBytes / 2 ** 20);
    const lookedMs = performance.now() - restoredAt;
    await timed(ours, 'first_exec', () => runTrue(vm));
    addSample(ours, 'create_without_pool_to_first_exec', performance.now() - begunAt - lookedMs);
    await measureWarm(ours, vm);
    await timed(ours, 'pause', () => vm.pause());
    await timed(ours, 'resume', () => vm.resume());
    await measureWarmClaim(ours, vm);
  } finally {
    await vm.destroy();
  }
}

/** Begins with nothing but the snapshot. */
async function createRaw(bench: DriverBench, name: string): Promise<{ vmm: RawVmm; connection: GuestConnection }> {
  const vmm = await timed(bench.raw, 'start_process', () =>
    startRaw(join(bench.directory, name), bench.spec, bench.snapshot),
  );
  const connection = await timed(bench.raw, 'restore_in_waiting_process', async () => {
    await restoreRaw(vmm, bench.snapshot);
    const opened = await vmm.connect();
    await opened.agent.ping({});
    return opened;
  });
  return { vmm, connection };
}

async function measureRaw(bench: DriverBench, index: number): Promise<void> {
  const { raw } = bench;
  const begunAt = performance.now();
  const { vmm, connection } = await createRaw(bench, `raw-${index}`);
  const restoredAt = performance.now();
  addSample(raw, 'pss_idle_alone_mib', await readPssMib(vmm.child.pid ?? 0));
  const lookedMs = performance.now() - restoredAt;
  await timed(raw, 'first_exec', () => runTrue(connection));
  addSample(raw, 'create_without_pool_to_first_exec', performance.now() - begunAt - lookedMs);
  await measureWarm(raw, connection);
  await timed(raw, 'pause', () => vmm.command('stop'));
  await timed(raw, 'resume', () => vmm.command('cont'));
  connection.close();
  await vmm.kill();
}

/** Many machines from nothing to their first program, each as long as it takes among the others. */
async function measureRawAtOnce(bench: DriverBench, count: number): Promise<void> {
  const samples: Samples = {};
  const name = `create_to_first_exec_${count}_at_once`;
  const machines = await Promise.all(
    Array.from({ length: count }, (_one, index) =>
      timed(bench.raw, name, async () => {
        const made = await createRaw({ ...bench, raw: samples }, `raw-${count}-${index}`);
        await runTrue(made.connection);
        return made;
      }),
    ),
  );
  for (const { vmm, connection } of machines) {
    connection.close();
    await vmm.kill();
  }
}

/** Measures machines without the service: ours as the driver makes them, and those of a bare script, one after the other. */
export async function measureDriver(bench: DriverBench): Promise<void> {
  for (let index = 0; index < boots; index += 1) await measureBoot(bench, index);
  for (let index = 0; index < restores; index += 1) {
    await measureOurs(bench);
    await measureRaw(bench, index);
  }
  for (const count of atOnce) await measureRawAtOnce(bench, count);
  const alone = bench.raw['create_without_pool_to_first_exec'];
  if (alone !== undefined) bench.raw['create_to_first_exec'] = alone;
}
