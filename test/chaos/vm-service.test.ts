import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { processEnvironment } from '../../src/config/index.ts';
import { loadTestImage } from '../fixtures/vm-image.ts';
import { VmServiceProcess } from '../fixtures/vm-service-process.ts';
import { isLong } from '../hostile/support/is-long.ts';
import { Random } from '../hostile/support/random.ts';
import { findRemains } from './support/machine-remains.ts';
import { type ExpectedVm, untilRunning, VmWorker } from './support/vm-worker.ts';

const rounds = isLong ? 200 : 20;
const workerCount = 2;
const keptVms = 2;
const longestLifeMs = 2500;
const patienceMs = 60_000;
const seed = Number(processEnvironment()['BIGBOX_TEST_SEED'] ?? Date.now() % 1_000_000);

/** What one kill met, and what was found afterwards. */
interface Round {
  readonly killedAfterMs: number;
  readonly unanswered: readonly string[];
  readonly recoveryMs: number;
  readonly adopted: number;
  readonly madeAgain: number;
  readonly removed: number;
}

const deadline = (): AbortSignal => AbortSignal.timeout(patienceMs);

beforeAll(async () => void (await loadTestImage()));

/** Kills the service while everybody works, and starts it again. */
async function killAndRestart(service: VmServiceProcess, workers: readonly VmWorker[], lifeMs: number): Promise<Round> {
  const killed = new AbortController();
  const working = Promise.all(workers.map((worker) => worker.workUntil(killed.signal, service.client)));
  await Promise.race([wait(lifeMs), working]);
  killed.abort();
  await service.end('SIGKILL');
  await working;
  const unanswered = workers.map((worker) => worker.unanswered?.what ?? 'nothing');
  const startedAt = performance.now();
  await service.start();
  const { client } = service;
  await expect.poll(async () => (await client.health()).recovery, { timeout: patienceMs }).toBeDefined();
  const recovery = (await client.health()).recovery;
  expect(recovery?.lost).toEqual([]);
  return {
    killedAfterMs: lifeMs,
    unanswered,
    recoveryMs: Math.round(performance.now() - startedAt),
    adopted: recovery?.adopted.length ?? 0,
    madeAgain: recovery?.made_again.length ?? 0,
    removed: recovery?.removed.length ?? 0,
  };
}

/** Nothing that was acknowledged is lost, and there is nothing else. */
async function expectWhole(service: VmServiceProcess, workers: readonly VmWorker[]): Promise<void> {
  const { client } = service;
  const deleted = workers.map(({ unanswered }) => unanswered?.deletes);
  const paused = workers.flatMap(({ vms }) =>
    [...vms].filter(([id, vm]) => vm.isPaused && !deleted.includes(id)).map(([id]) => id),
  );
  for (const id of paused) expect((await client.vm(id)).status).toBe('paused');
  await Promise.all(workers.map((worker) => worker.settle(client)));
  const vms = new Map(workers.flatMap((worker) => [...worker.vms]));
  const snapshots = workers.flatMap((worker) => [...worker.snapshots.keys()]);
  expect((await client.listVms({})).map(({ id }) => id).toSorted()).toEqual([...vms.keys()].toSorted());
  expect((await client.listSnapshots({}, deadline())).map(({ id }) => id).toSorted()).toEqual(snapshots.toSorted());
  await Promise.all([...vms].map(([id, vm]) => expectUsable(service, id, vm)));
}

async function expectUsable(service: VmServiceProcess, id: string, vm: ExpectedVm): Promise<void> {
  const { client } = service;
  await untilRunning(client, id);
  const paths = [...vm.files.keys()];
  const read = async (): Promise<string> =>
    (await client.exec(id, { argv: ['tail', '-qn+1', '/dev/null', ...paths] }, deadline())).stdout;
  expect(await read()).toBe([...vm.files.values()].join(''));
  expect((await client.pauseVm(id)).status).toBe('paused');
  vm.isPaused = true;
}

/** A snapshot that was acknowledged gives VMs with what was written before. */
async function expectRestorable(service: VmServiceProcess, worker: VmWorker | undefined): Promise<void> {
  for (const [snapshotId, files] of worker?.snapshots ?? []) {
    const { id } = await service.client.createVm({ snapshot_id: snapshotId });
    await untilRunning(service.client, id);
    await expectUsable(service, id, { files: new Map(files), isPaused: false });
    await service.client.deleteVm(id);
    return;
  }
}

/** Deletes what is more than a few, so that the next round has room. */
async function makeRoom(service: VmServiceProcess, worker: VmWorker): Promise<void> {
  for (const id of [...worker.vms.keys()].slice(keptVms)) {
    await service.client.deleteVm(id);
    worker.vms.delete(id);
  }
}

/** Every process, directory, control group, record and file on the host belongs to something that there is. */
async function expectNoOrphans(service: VmServiceProcess, workers: readonly VmWorker[]): Promise<void> {
  const vms = workers.flatMap((worker) => [...worker.vms.keys()]);
  const surplus = async (): Promise<object> => {
    const { ready, waiting_processes: waiting, starting } = await service.client.pool();
    const { directories, processes, groups, records, snapshots } = await findRemains(service.dataDir);
    return {
      starting,
      machines: directories.length - vms.length - ready - waiting,
      processes: processes.filter((id) => !directories.includes(id)),
      groups: groups.filter((id) => !directories.includes(id)),
      records: records.filter((id) => !vms.includes(id)),
      snapshots: snapshots.filter((id) => !workers.some((worker) => worker.snapshots.has(id))),
    };
  };
  const none = { starting: 0, machines: 0, processes: [], groups: [], records: [], snapshots: [] };
  await expect.poll(surplus, { timeout: patienceMs, interval: 100 }).toEqual(none);
}

async function report(results: readonly Round[]): Promise<void> {
  const text = JSON.stringify({ seed, rounds: results });
  console.log(text);
  const directory = processEnvironment()['BIGBOX_TEST_RESULTS'];
  if (directory === undefined) return;
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'vm-service-kills.json'), text);
}

describe('kill -9 of the VM service', () => {
  test(
    `${rounds} times loses nothing that was acknowledged and leaves nothing else (seed ${seed})`,
    async () => {
      const random = new Random(seed);
      const lives = new Random(seed + 1);
      const workers = Array.from({ length: workerCount }, (_, index) => new VmWorker(`w${index}`, random));
      const results: Round[] = [];
      await using service = await VmServiceProcess.start();
      await Promise.all(workers.map((worker) => worker.begin(service.client)));
      try {
        for (let round = 0; round < rounds; round += 1) {
          results.push(await killAndRestart(service, workers, lives.below(longestLifeMs)));
          await expectWhole(service, workers);
          await expectRestorable(service, workers[round % workerCount]);
          await Promise.all(workers.map((worker) => makeRoom(service, worker)));
          await expectNoOrphans(service, workers);
        }
      } finally {
        await report(results);
      }
      await service.end('SIGTERM');
      expect(await findRemains(service.dataDir)).toMatchObject({
        directories: [],
        processes: [],
        groups: [],
        records: [],
      });
    },
    isLong ? 6_000_000 : 600_000,
  );
});
