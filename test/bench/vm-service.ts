import type { VmService } from '../../src/vm/index.ts';
import { createTestPlane } from '../fixtures/vm-plane.ts';
import { rounds } from './rounds.ts';
import { addSample, round, type Samples, timed } from './summary.ts';
import type { DriverBench } from './vm-driver.ts';

const sequential = rounds(20);
const atOnce = [rounds(10), rounds(50)];
const manyVms = rounds(100);
const execsForAgent = rounds(1000);
const outputMib = 64;
const patienceMs = 900_000;
const mebibyte = 1 << 20;

type Service = Pick<DriverBench, 'ours'> & { readonly service: VmService; readonly signal: AbortSignal };

async function create({ service }: Service): Promise<string> {
  const { id, error } = await service.named.settled(service.named.create({ vmType: 'default' }).id);
  if (error !== undefined) throw error;
  return id;
}

async function run({ service, signal }: Service, id: string, argv: readonly string[]): Promise<void> {
  const program = { argv, env: {}, user: 'sandbox', stdin: new Uint8Array(), keepStdin: false };
  const { end } = await service.processes.run(id, program, signal);
  if (end?.exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${end?.exitCode}`);
}

async function execute({ service, signal }: Service, code: string, vmId?: string): Promise<void> {
  const request = { agent_id: 'bench', language: 'bash', code, ...(vmId === undefined ? {} : { vm_id: vmId }) };
  for await (const event of service.execute(request, signal))
    if (event.type === 'execution-finished' && event.result.exit_code !== 0) throw new Error(event.result.stderr);
}

const deleteAll = ({ service }: Service): Promise<unknown> =>
  Promise.all(service.named.list().map(({ id }) => service.named.delete(id)));

async function measureSequential(bench: Service): Promise<void> {
  const { service, signal, ours } = bench;
  for (let index = 0; index < sequential; index += 1) {
    await service.ready(signal);
    await timed(ours, 'create_to_first_exec', async () => {
      const id = await timed(ours, 'claim', () => create(bench));
      await run(bench, id, ['/bin/true']);
    });
    await deleteAll(bench);
    await service.ready(signal);
    await timed(ours, 'execution_in_ready_clone', () => execute(bench, 'true'));
  }
}

async function measureAtOnce(bench: Service, count: number): Promise<void> {
  await bench.service.ready(bench.signal);
  await Promise.all(
    Array.from({ length: count }, () =>
      timed(bench.ours, `create_to_first_exec_${count}_at_once`, async () =>
        run(bench, await create(bench), ['/bin/true']),
      ),
    ),
  );
  await deleteAll(bench);
}

/** A VM that has run programs: what the service adds to them, how much output it takes, and what its agent needs after many. */
async function measureWarm(bench: Service): Promise<void> {
  const { ours, service } = bench;
  const id = await create(bench);
  for (const argv of [['/bin/true'], ['python3', '-c', 'pass']]) {
    await run(bench, id, argv);
    const name = `warm_${argv[0] === 'python3' ? 'python' : 'true'}_in_vm`;
    for (let index = 0; index < sequential; index += 1) await timed(ours, name, () => run(bench, id, argv));
  }
  const { agent } = await service.named.use(id);
  const startedAt = performance.now();
  for (let index = 0; index < execsForAgent; index += 1) await run(bench, id, ['/bin/true']);
  addSample(ours, 'execs_per_s', (execsForAgent * 1000) / (performance.now() - startedAt));
  const { agentResidentBytes } = await agent.metrics({});
  addSample(ours, `agent_resident_after_${execsForAgent}_execs_mib`, Number(agentResidentBytes) / mebibyte);
  // Last: what much output leaves with the agent is not what executions leave.
  for (let index = 0; index < 3; index += 1) {
    const seconds: Samples = {};
    await timed(seconds, 'ms', () => run(bench, id, ['head', '-c', `${outputMib}M`, '/dev/zero']));
    addSample(ours, 'output_mib_per_s', (outputMib * 1000) / (seconds['ms']?.[0] ?? 1));
  }
  await deleteAll(bench);
}

/** How long many VMs take, and what each then needs. */
async function measureMany(bench: Service): Promise<object> {
  const startedAt = performance.now();
  const ids = await Promise.all(Array.from({ length: manyVms }, () => create(bench)));
  const tookMs = performance.now() - startedAt;
  for (const id of ids) {
    const { proportionalBytes } = await (await bench.service.named.use(id)).memory();
    addSample(bench.ours, `pss_of_${manyVms}_mib`, proportionalBytes / mebibyte);
  }
  const pss = bench.ours[`pss_of_${manyVms}_mib`] ?? [];
  const mean = pss.reduce((sum, value) => sum + value, 0) / pss.length;
  await deleteAll(bench);
  return { start_of_vms: { vms: manyVms, ms: round(tookMs) }, vms_per_gib: round(1024 / mean) };
}

/** Measures VMs as the service gives them: from the pool, by claims, with processes. */
export async function measureService(dataDir: string, { ours }: Pick<DriverBench, 'ours'>): Promise<object> {
  const service = createTestPlane(dataDir, {
    pool: { least: 2, most: 2, memoryBytes: 2 ** 30 },
    limits: { maxVms: manyVms + 4, maxVcpus: manyVms + 4 },
  });
  const bench = { service, ours, signal: AbortSignal.timeout(patienceMs) };
  try {
    await measureSequential(bench);
    for (const count of atOnce) await measureAtOnce(bench, count);
    await measureWarm(bench);
    return await measureMany(bench);
  } finally {
    await service.close();
  }
}
