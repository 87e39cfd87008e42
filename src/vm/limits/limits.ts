import { BigboxError, type ErrorCode } from '../../contracts/errors.ts';
import type { Limit, LimitName } from '../../contracts/limits.ts';
import { times, type VmSize, type VmUse } from '../machine/vm-size.ts';
import { measureDiskUse, measureFreeDisk } from './disk-use.ts';
import { limitTexts } from './limit-texts.ts';
import type { VmLimits } from './vm-limits.ts';

export interface LimitsOptions {
  readonly limits: VmLimits;
  /** What a VM takes that nobody asked a size for. */
  readonly size: VmSize;
  /** Of the service, whose VMs and snapshots lie below it. */
  readonly directory: string;
}

/** What is in use now, by all. */
export interface LimitUse {
  readonly vms: VmUse;
  readonly snapshots: number;
}

interface Overrun {
  readonly used: number;
  readonly wanted: number;
  /** The one VM that is at its limit. */
  readonly vmId?: string;
}

/** A machine whose disk is full to the brim loses more than VMs. */
const diskReserveMib = 512;

/** Says what there is room for, and refuses what there is none for. */
export class Limits {
  readonly #options: LimitsOptions;
  #connections = 0;

  constructor(options: LimitsOptions) {
    this.#options = options;
  }

  get maxProcesses(): number {
    return this.#options.limits.maxProcesses;
  }

  /** The most that one VM may have. */
  get largestVm(): VmSize {
    const { maxVcpus, maxMemoryMib } = this.#options.limits;
    return { vcpus: maxVcpus, memoryMib: maxMemoryMib };
  }

  /** VMs without a size of their own that may exist beside those in use. */
  vmsLeft(inUse: VmUse): number {
    const one = times(1, this.#options.size);
    return Math.min(...this.#shared().map(([, limit, of]) => Math.floor((limit - of(inUse)) / of(one))));
  }

  /** Throws LIMIT_EXCEEDED where what is wanted is too much beside what is in use, DISK_LIMIT_EXCEEDED, DISK_FULL. */
  assertVms(inUse: VmUse, wanted: VmUse): void {
    for (const [name, limit, of] of this.#shared())
      if (of(inUse) + of(wanted) > limit) throw this.#exceeded(name, { used: of(inUse), wanted: of(wanted) });
    this.assertDisk();
  }

  /** Throws DISK_LIMIT_EXCEEDED where VMs and snapshots take all that they may, DISK_FULL where the machine has no more. */
  assertDisk(): void {
    const { limits, directory } = this.#options;
    const used = measureDiskUse(directory);
    if (used >= limits.maxDiskMib) throw this.#exceeded('max_disk_mib', { used, wanted: 1 }, 'DISK_LIMIT_EXCEEDED');
    const free = measureFreeDisk(directory);
    if (free >= diskReserveMib) return;
    throw new BigboxError('DISK_FULL', {
      message: `The disk has ${free} MiB left; ${diskReserveMib} MiB stay free for the machine.`,
      context: { free_mib: free, reserve_mib: diskReserveMib, used_mib: used },
    });
  }

  /** Throws LIMIT_EXCEEDED where a VM runs as many processes as it may. */
  assertProcesses(running: number, vmId: string): void {
    if (running < this.#options.limits.maxProcesses) return;
    throw this.#exceeded('max_processes', { used: running, wanted: 1, vmId });
  }

  /** Throws LIMIT_EXCEEDED. */
  assertForks(wanted: number): void {
    if (wanted > this.#options.limits.maxForks) throw this.#exceeded('max_forks', { used: 0, wanted });
  }

  /** Throws BODY_TOO_LARGE. */
  assertUpload(bytes: number): void {
    if (bytes > this.#options.limits.maxUploadBytes)
      throw this.#exceeded('max_upload_bytes', { used: 0, wanted: bytes }, 'BODY_TOO_LARGE');
  }

  /** The time limit of a program that wishes for this one, or for none. Throws LIMIT_EXCEEDED where it wishes for too long. */
  runTime(wantedMs: number | undefined): number | undefined {
    const { maxRunSeconds } = this.#options.limits;
    if (maxRunSeconds === 0) return wantedMs;
    if (wantedMs === undefined) return maxRunSeconds * 1000;
    if (wantedMs <= maxRunSeconds * 1000) return wantedMs;
    throw this.#exceeded('max_run_seconds', { used: 0, wanted: Math.ceil(wantedMs / 1000) });
  }

  /** The time limit of a program whose caller wishes for none. */
  capRunTime(defaultMs: number): number {
    const { maxRunSeconds } = this.#options.limits;
    return maxRunSeconds === 0 ? defaultMs : Math.min(defaultMs, maxRunSeconds * 1000);
  }

  /** Counts a call until the answer is over; gives the function that ends it. Throws LIMIT_EXCEEDED. */
  connect(): () => void {
    if (this.#connections >= this.#options.limits.maxConnections)
      throw this.#exceeded('max_connections', { used: this.#connections, wanted: 1 });
    this.#connections += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.#connections -= 1;
      isOpen = false;
    };
  }

  /** Every limit with its use. */
  describe({ vms, snapshots }: LimitUse): readonly Limit[] {
    const { directory } = this.#options;
    const used: Readonly<Partial<Record<LimitName, number>>> = {
      max_vms: vms.vms,
      max_vcpus: vms.vcpus,
      max_memory_mib: vms.memoryMib,
      max_disk_mib: measureDiskUse(directory),
      max_snapshots: snapshots,
      max_connections: this.#connections,
    };
    return (Object.keys(limitTexts) as LimitName[]).map((name) => ({
      name,
      ...limitTexts[name],
      limit: this.#valueOf(name),
      ...(used[name] === undefined ? {} : { used: used[name] }),
    }));
  }

  /** Names, limits, and how much of each is in a use. */
  #shared(): readonly (readonly [LimitName, number, (use: VmUse) => number])[] {
    const { limits } = this.#options;
    return [
      ['max_vms', limits.maxVms, ({ vms }) => vms],
      ['max_vcpus', limits.maxVcpus, ({ vcpus }) => vcpus],
      ['max_memory_mib', limits.maxMemoryMib, ({ memoryMib }) => memoryMib],
    ];
  }

  #valueOf(name: LimitName): number {
    const { limits } = this.#options;
    const values: Readonly<Record<LimitName, number>> = {
      max_vms: limits.maxVms,
      max_vcpus: limits.maxVcpus,
      max_memory_mib: limits.maxMemoryMib,
      max_disk_mib: limits.maxDiskMib,
      max_snapshots: limits.maxSnapshots,
      max_forks: limits.maxForks,
      max_processes: limits.maxProcesses,
      max_output_bytes: limits.maxOutputBytes,
      max_upload_bytes: limits.maxUploadBytes,
      max_run_seconds: limits.maxRunSeconds,
      max_connections: limits.maxConnections,
    };
    return values[name];
  }

  #exceeded(name: LimitName, { used, wanted, vmId }: Overrun, code: ErrorCode = 'LIMIT_EXCEEDED'): BigboxError {
    const { meaning, unit, remedy } = limitTexts[name];
    const limit = this.#valueOf(name);
    const amount = (value: number): string => (unit === 'number' ? String(value) : `${value} ${unit}`);
    const inUse = used === 0 ? '' : `${amount(used)} in use, `;
    return new BigboxError(code, {
      message: `${meaning}: ${inUse}${amount(wanted)} wanted, at most ${amount(limit)}.`,
      context: { limit: name, [name]: limit, in_use: used, wanted, ...(vmId === undefined ? {} : { vm_id: vmId }) },
      remedy,
    });
  }
}
