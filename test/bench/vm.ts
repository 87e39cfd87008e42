import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { Template } from '../../src/vm/pool/templates.ts';
import { QemuDriver } from '../../src/vmm/index.ts';
import { loadTestImage } from '../fixtures/vm-image.ts';
import { round, type Samples, summarise, type Summary } from './summary.ts';
import { type DriverBench, measureDriver } from './vm-driver.ts';
import { measurePeers } from './vm-peers.ts';
import { measureService } from './vm-service.ts';

/** Milliseconds (or what the name ends with) beside what the raw VMM needs for the same in the same run. */
interface Row {
  readonly ours: Summary;
  readonly raw?: Summary;
  readonly ratio_p50?: number;
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
 * Measures VMs from boot to the last of a hundred, beside QEMU driven by a bare script (`raw-vmm.ts`: no user of its own, no
 * namespaces, no sandbox, no renewal of identity) in the same run, alternating, and beside other sandboxes where they are installed.
 * `BIGBOX_BENCH_SHORT` makes a tenth of the rounds, to see that it runs.
 */
export async function run(): Promise<object> {
  const directory = await mkdtemp(join(tmpdir(), 'bigbox-bench-'));
  const driver = new QemuDriver({ runDirectory: join(directory, 'run'), logger: silentLogger });
  try {
    const image = await loadTestImage();
    const size = { vcpus: 1, memoryMib: 256 };
    const common = { clock: systemClock, logger: silentLogger };
    const template = new Template({ ...common, ...size, driver, directory: join(directory, 'templates'), image });
    const snapshot = await template.snapshot();
    const bench: DriverBench = { directory, driver, spec: snapshot.spec, snapshot, ours: {}, raw: {} };
    await measureDriver(bench);
    const service = await measureService(join(directory, 'service'), bench);
    return {
      machine: { cores: availableParallelism(), memory_gib: round(totalmem() / 2 ** 30) },
      capabilities: await driver.probe(),
      rows: toRows(bench.ours, bench.raw),
      ...service,
      peers: await measurePeers(),
    };
  } finally {
    await driver.close();
    await rm(directory, { recursive: true, force: true });
  }
}
