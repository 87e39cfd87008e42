import { setTimeout as wait } from 'node:timers/promises';
import { Argument, Command } from 'commander';
import { BigboxError } from '../../../contracts/errors.ts';
import type { VmMetrics } from '../../../contracts/vm-metrics.ts';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatBytes } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { findVmId } from '../find-vm.ts';
import { withVmService } from '../vm-service.ts';

/** Between the two looks that the use of the processor is taken from. */
const spanMs = 1000;

interface Stats {
  readonly name: string;
  readonly metrics: VmMetrics;
  /** Percent of its processors, over the last second. */
  readonly cpuPercent: number;
}

/** `fcctl vm stats`: what VMs use. */
export function statsCommand(): Command {
  const command = withInstanceFlags(
    new Command('stats')
      .description('Show what VMs use: processor over one second, memory, disk and processes.')
      .addArgument(new Argument('[vm...]', 'ids or names of VMs (default: all that run or are paused)')),
  )
    .addOption(jsonFlag())
    .action((words: readonly string[], flags: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const stats = await measure(client, await findVms(client, words, signal), signal);
        if (flags.json === true)
          return void process.stdout.write(
            `${JSON.stringify(stats.map(({ metrics, cpuPercent }) => ({ ...metrics, cpu_percent: cpuPercent })))}\n`,
          );
        if (stats.length === 0) return void process.stderr.write('No VM runs. fcctl vm create makes one.\n');
        process.stdout.write(formatTable(headings, stats.map(toRow)));
      }),
    );
  return withExamples(
    command,
    ['fcctl vm stats', 'all VMs, one a line'],
    ['fcctl vm stats try --json', 'one of them, with every number'],
  );
}

interface Named {
  readonly id: string;
  readonly name: string;
}

async function findVms(client: VmClient, words: readonly string[], signal: AbortSignal): Promise<readonly Named[]> {
  if (words.length > 0)
    return Promise.all(words.map(async (word) => client.vm(await findVmId(client, word, signal), signal)));
  const vms = await client.listVms({}, signal);
  return vms.filter(({ status }) => status === 'running' || status === 'paused');
}

/** A VM of all that ends meanwhile is left out; one that was asked for by name is not. */
async function measure(client: VmClient, vms: readonly Named[], signal: AbortSignal): Promise<readonly Stats[]> {
  if (vms.length === 0) return [];
  const look = (): Promise<readonly (VmMetrics | undefined)[]> =>
    Promise.all(vms.map(({ id }) => client.vmMetrics(id, signal).catch(whenGone)));
  const before = await look();
  await wait(spanMs, undefined, { signal });
  const after = await look();
  return vms.flatMap(({ name }, index) => {
    const [earlier, later] = [before[index], after[index]];
    if (earlier === undefined || later === undefined) return [];
    return [{ name, metrics: later, cpuPercent: toPercent(earlier, later) }];
  });
}

function whenGone(error: unknown): undefined {
  if (error instanceof BigboxError && (error.code === 'VM_NOT_FOUND' || error.code === 'CONFLICT')) return undefined;
  throw error;
}

function toPercent(earlier: VmMetrics, later: VmMetrics): number {
  const elapsedMs = Date.parse(later.at) - Date.parse(earlier.at);
  const used = (later.host.cpu_time_ms - earlier.host.cpu_time_ms) / Math.max(1, elapsedMs) / later.vcpus;
  return Math.max(0, Math.round(used * 1000) / 10);
}

const headings = ['ID', 'NAME', 'STATUS', 'CPU', 'ON THE HOST', 'IN THE GUEST', 'DISK', 'PROCESSES', 'LOAD'];

function toRow({ name, metrics, cpuPercent }: Stats): readonly string[] {
  const { vm_id: id, status, host, guest } = metrics;
  const own = formatBytes(host.memory_proportional_bytes ?? host.memory_resident_bytes);
  const inside =
    guest === undefined
      ? ['-', '-', '-', '-']
      : [
          ofTotal(guest.memory_available_bytes, guest.memory_total_bytes),
          ofTotal(guest.disk_available_bytes, guest.disk_total_bytes),
          String(guest.processes),
          guest.load_1.toFixed(2),
        ];
  return [id, name, status, `${cpuPercent.toFixed(1)} %`, own, ...inside];
}

const ofTotal = (available: number, total: number): string =>
  `${formatBytes(total - available)} of ${formatBytes(total)}`;
