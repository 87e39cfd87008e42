import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestConnection } from '../../src/guest/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { plainHooks, VmService } from '../../src/vm/index.ts';
import { Template } from '../../src/vm/pool/templates.ts';
import { VirtualMachine } from '../../src/vm/machine/virtual-machine.ts';
import { type MachineSpec, QemuDriver, type Snapshot } from '../../src/vmm/index.ts';
import { loadTestImage } from '../fixtures/vm-image.ts';
import { type RawVmm, restoreRaw, startRaw } from './raw-vmm.ts';
import { round, type Samples, summarise, type Summary, timed } from './summary.ts';

const boots = 3;
const restores = 15;
const warmExecs = 40;

/** Milliseconds (or MiB) beside what the raw VMM needs for the same in the same run. */
interface Row {
  readonly ours: Summary;
  readonly raw?: Summary;
  readonly ratio_p50?: number;
}

async function runTrue({ agent }: Pick<GuestConnection, 'agent'>): Promise<void> {
  for await (const { event } of agent.exec({ argv: ['/bin/true'] }))
    if (event.case === 'exit' && event.value.code !== 0) throw new Error('/bin/true failed');
}

async function readPss(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}

interface Bench {
  readonly directory: string;
  readonly driver: QemuDriver;
  readonly spec: MachineSpec;
  readonly snapshot: Snapshot;
  readonly ours: Samples;
  readonly raw: Samples;
}

async function measureBoot({ driver, spec, directory, ours, raw }: Bench): Promise<void> {
  for (let round_ = 0; round_ < boots; round_ += 1) {
    const machine = await timed(ours, 'boot', async () => {
      const booted = await driver.boot(spec);
      const connection = await booted.connect(AbortSignal.timeout(90_000));
      await connection.agent.ping({});
      connection.close();
      return booted;
    });
    await machine.destroy();
    const vmm = await timed(raw, 'boot', async () => {
      const booted = await startRaw(join(directory, `raw-boot-${round_}`), spec);
      const connection = await booted.connect();
      await connection.agent.ping({});
      connection.close();
      return booted;
    });
    await vmm.kill();
  }
}

async function measureOurRestore({ driver, snapshot, ours }: Bench): Promise<void> {
  const waiting = await timed(ours, 'start_process', () => driver.prelaunch(snapshot));
  const vm = await timed(ours, 'restore_in_waiting_process', () => VirtualMachine.restore(waiting, systemClock));
  try {
    (ours['pss_mib'] ??= []).push((await vm.memory()).proportionalBytes / (1 << 20));
    await timed(ours, 'first_exec', () => runTrue(vm));
    for (let index = 0; index < warmExecs / restores; index += 1) await timed(ours, 'warm_exec', () => runTrue(vm));
  } finally {
    await vm.destroy();
  }
}

async function measureRawRestore({ directory, spec, snapshot, raw }: Bench, index: number): Promise<void> {
  const start = (): Promise<RawVmm> => startRaw(join(directory, `raw-${index}`), spec, snapshot);
  const vmm = await timed(raw, 'start_process', start);
  const connection = await timed(raw, 'restore_in_waiting_process', async () => {
    await restoreRaw(vmm, snapshot);
    const opened = await vmm.connect();
    await opened.agent.ping({});
    return opened;
  });
  (raw['pss_mib'] ??= []).push(await readPss(vmm.child.pid ?? 0));
  await timed(raw, 'first_exec', () => runTrue(connection));
  for (let count = 0; count < warmExecs / restores; count += 1)
    await timed(raw, 'warm_exec', () => runTrue(connection));
  connection.close();
  await vmm.kill();
}

/** Through the service, as the API does it: claim from the pool, write the code, run it, stream it. */
async function measureService(directory: string, ours: Samples): Promise<void> {
  const service = new VmService({
    directory,
    createDriver: (runDirectory) => new QemuDriver({ runDirectory, logger: silentLogger }),
    loadImage: loadTestImage,
    hooks: plainHooks,
    pool: { least: 1, most: 1, memoryBytes: 2 ** 30 },
    vcpus: 1,
    memoryMib: 256,
    policy: { allowedLanguages: ['python', 'bash'], maxCodeLength: 10_000, validateCode: true },
    defaultTimeoutMs: 60_000,
    limits: { maxVms: 8, maxOutputBytes: 1 << 20 },
    concurrentStarts: 2,
    logger: silentLogger,
  });
  const drain = async (language: string, code: string, vm_id?: string): Promise<void> => {
    const request = { agent_id: 'bench', language, code, ...(vm_id === undefined ? {} : { vm_id }) };
    for await (const event of service.execute(request, AbortSignal.timeout(120_000)))
      if (event.type === 'execution-finished' && event.result.exit_code !== 0) throw new Error(event.result.stderr);
  };
  const signal = AbortSignal.timeout(300_000);
  try {
    await service.ready(signal);
    for (let index = 0; index < 5; index += 1) {
      await timed(ours, 'service_bash_in_ready_clone', () => drain('bash', 'true'));
      await service.ready(signal);
      await timed(ours, 'service_python_in_ready_clone', () => drain('python', 'pass'));
      await service.ready(signal);
    }
    const { id } = await timed(ours, 'claim', async () =>
      service.named.settled(service.named.create({ vmType: 'debian-bookworm' }).id),
    );
    await drain('python', 'pass', id);
    for (let index = 0; index < 10; index += 1) {
      await timed(ours, 'service_bash_warm', () => drain('bash', 'true', id));
      await timed(ours, 'service_python_warm', () => drain('python', 'pass', id));
    }
  } finally {
    await service.close();
  }
}

function toRows(ours: Samples, raw: Samples): Record<string, Row> {
  return Object.fromEntries(
    Object.entries(ours).map(([name, values]): [string, Row] => {
      const mine = summarise(values);
      if (raw[name] === undefined) return [name, { ours: mine }];
      const limit = summarise(raw[name]);
      return [name, { ours: mine, raw: limit, ratio_p50: round(mine.p50 / limit.p50) }];
    }),
  );
}

/**
 * Measures boot, restore, claim and execution of VMs beside QEMU driven by a bare script (`raw-vmm.ts`: no user of its own, no
 * namespaces, no sandbox, no renewal of identity) in the same run, alternating. Times in milliseconds, memory in MiB.
 */
export async function run(): Promise<object> {
  const directory = await mkdtemp(join(tmpdir(), 'bigbox-bench-'));
  const driver = new QemuDriver({ runDirectory: join(directory, 'run'), logger: silentLogger });
  try {
    const image = await loadTestImage();
    const size = { vcpus: 1, memoryMib: 256 };
    const options = {
      driver,
      directory: join(directory, 'templates'),
      image,
      ...size,
      clock: systemClock,
      logger: silentLogger,
    };
    const snapshot = await new Template(options).snapshot();
    const bench = { directory, driver, spec: snapshot.spec, snapshot, ours: {}, raw: {} };
    await measureBoot(bench);
    for (let index = 0; index < restores; index += 1) {
      await measureOurRestore(bench);
      await measureRawRestore(bench, index);
    }
    await measureService(join(directory, 'service'), bench.ours);
    return { capabilities: await driver.probe(), rows: toRows(bench.ours, bench.raw) };
  } finally {
    await driver.close();
    await rm(directory, { recursive: true, force: true });
  }
}
