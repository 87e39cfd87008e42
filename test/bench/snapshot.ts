import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestConnection } from '../../src/guest/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { VirtualMachine } from '../../src/vm/machine/virtual-machine.ts';
import { Template } from '../../src/vm/pool/templates.ts';
import { type Machine, QemuDriver, type Snapshot } from '../../src/vmm/index.ts';
import { loadTestImage } from '../fixtures/vm-image.ts';
import { createTestPlane } from '../fixtures/vm-plane.ts';
import { type RawVmm, restoreRaw, startRaw } from './raw-vmm.ts';
import { addSample, round, type Samples, summarise, timed } from './summary.ts';

const rounds = 10;
const restores = 10;
const fullRounds = 3;
const forks = 8;
const patienceMs = 120_000;
const mebibyte = 1 << 20;

interface Bench {
  readonly directory: string;
  readonly driver: QemuDriver;
  readonly template: Snapshot;
  readonly samples: Samples;
}

async function execute({ agent }: Pick<GuestConnection, 'agent'>, script: string): Promise<void> {
  for await (const { event } of agent.exec({ argv: ['bash', '-c', script] }))
    if (event.case === 'exit' && event.value.code !== 0) throw new Error(`${script} failed`);
}

const dirty = (guest: Pick<GuestConnection, 'agent'>, mib: number): Promise<void> =>
  execute(guest, `head -c ${mib}M /dev/urandom > /dev/shm/noise`);

async function capture(
  samples: Samples,
  name: string,
  [machine, directory]: readonly [Machine, string],
): Promise<Snapshot> {
  return timed(samples, `${name}.total_ms`, async () => {
    const captured = await timed(samples, `${name}.pause_ms`, async () => {
      await machine.pause();
      const taken = await machine.capture(directory);
      await machine.resume();
      return taken;
    });
    try {
      const snapshot = await captured.complete();
      addSample(samples, `${name}.stored_mib`, snapshot.storedBytes / mebibyte);
      return snapshot;
    } finally {
      await captured.close();
    }
  });
}

/** Snapshots of one machine, one after the other: idle, with 64 MiB of noise written before each, and idle again. */
async function measureCapture(bench: Bench): Promise<readonly Snapshot[]> {
  const { driver, template, directory } = bench;
  const machine = await (await driver.prelaunch(template)).restore();
  const made: Snapshot[] = [];
  try {
    const guest = await machine.connect(AbortSignal.timeout(patienceMs));
    await execute(guest, 'true');
    for (const [name, mib] of [
      ['idle', 0],
      ['dirty_64_mib', 64],
      ['idle_with_64_mib_private', 0],
    ] as const)
      for (let index = 0; index < rounds; index += 1) {
        if (mib > 0) await dirty(guest, mib);
        made.push(await capture(bench.samples, name, [machine, join(directory, `${name}-${index}`)]));
        await guest.agent.ping({});
      }
    guest.close();
  } finally {
    await machine.destroy();
  }
  return made;
}

async function measureRestore({ driver, samples }: Bench, name: string, snapshot: Snapshot): Promise<void> {
  for (let index = 0; index < restores; index += 1) {
    const waiting = await timed(samples, `${name}.start_process_ms`, () => driver.prelaunch(snapshot));
    const vm = await timed(samples, `${name}.restore_to_first_exec_ms`, async () => {
      const restored = await VirtualMachine.restore(waiting, systemClock);
      for await (const { event } of restored.agent.exec({ argv: ['/bin/true'] }))
        if (event.case === 'exit' && event.value.code !== 0) throw new Error('/bin/true failed');
      return restored;
    });
    addSample(samples, `${name}.pss_mib`, (await vm.memory()).proportionalBytes / mebibyte);
    await vm.destroy();
  }
}

/** What stock QEMU offers: everything is written to a file while the guest stands still. */
async function measureFull({ directory, template, samples }: Bench): Promise<void> {
  const vmm = await startRaw(join(directory, 'full'), template.spec, template);
  try {
    await restoreRaw(vmm, template);
    const guest = await vmm.connect();
    await dirty(guest, 64);
    await vmm.command('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: false }] });
    await vmm.command('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 });
    for (let index = 0; index < fullRounds; index += 1) {
      const file = join(directory, `full-${index}`);
      await timed(samples, 'full_migration.pause_ms', async () => {
        await vmm.command('stop');
        await vmm.command('migrate', { uri: `exec:cat > ${file}` });
        await untilMigrated(vmm);
        await vmm.command('cont');
      });
      addSample(samples, 'full_migration.stored_mib', ((await stat(file)).blocks * 512) / mebibyte);
    }
    guest.close();
  } finally {
    await vmm.kill();
  }
}

async function untilMigrated(vmm: RawVmm): Promise<void> {
  for (const timeout = AbortSignal.timeout(patienceMs); ;) {
    timeout.throwIfAborted();
    const { status } = (await vmm.command('query-migrate')) as { readonly status: string };
    if (status === 'completed') return;
    if (status === 'failed') throw new Error('the migration failed');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Through the service: forks of a VM with 64 MiB of noise, until the last is ready. */
async function measureForks(dataDir: string, samples: Samples): Promise<void> {
  const service = createTestPlane(dataDir, { limits: { maxVms: forks + 2, maxOutputBytes: mebibyte } });
  try {
    await service.ready(AbortSignal.timeout(patienceMs));
    const { id } = await service.named.settled(service.named.create({ vmType: 'default' }).id);
    await dirty(await service.named.use(id), 64);
    for (let index = 0; index < 3; index += 1) {
      const made = await timed(samples, 'fork_of_8.ready_ms', async () => {
        const wanted = await timed(samples, 'fork_of_8.answer_ms', () => service.forks.fork(id, { count: forks }));
        return Promise.all(wanted.map((fork) => service.named.settled(fork.id)));
      });
      for (const fork of made) {
        const { proportionalBytes } = await (await service.named.use(fork.id)).memory();
        addSample(samples, 'fork_of_8.pss_mib', proportionalBytes / mebibyte);
      }
      await Promise.all(made.map((fork) => service.named.delete(fork.id)));
    }
  } finally {
    await service.close();
  }
}

/**
 * Measures snapshots and forks of VMs of 256 MiB: how long the guest stands still, until the snapshot is on the disk, what it takes
 * there, and from a waiting process to the end of the first command, beside the template and beside a full migration to a file.
 */
export async function run(): Promise<object> {
  const directory = await mkdtemp(join(tmpdir(), 'bigbox-bench-'));
  const driver = new QemuDriver({ runDirectory: join(directory, 'run'), logger: silentLogger });
  const samples: Samples = {};
  try {
    const options = { driver, image: await loadTestImage(), vcpus: 1, memoryMib: 256 };
    const templates = join(directory, 'templates');
    const template = await new Template({
      ...options,
      directory: templates,
      clock: systemClock,
      logger: silentLogger,
    }).snapshot();
    const bench = { directory, driver, template, samples };
    const made = await measureCapture(bench);
    await measureRestore(bench, 'template', template);
    await measureRestore(bench, 'snapshot_idle', made[rounds - 1] ?? template);
    await measureRestore(bench, 'snapshot_dirty_64_mib', made[2 * rounds - 1] ?? template);
    await measureFull(bench);
    await measureForks(join(directory, 'service'), samples);
    const rows = Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summarise(values)]));
    const p50 = (name: string): number => rows[`${name}.restore_to_first_exec_ms`]?.p50 ?? 0;
    const ratios = {
      restore_idle_to_template: round(p50('snapshot_idle') / p50('template')),
      restore_dirty_to_template: round(p50('snapshot_dirty_64_mib') / p50('template')),
    };
    return { capabilities: await driver.probe(), ratios, rows };
  } finally {
    await driver.close();
    await rm(directory, { recursive: true, force: true });
  }
}
