import { BigboxError } from '../../contracts/errors.ts';
import type { Semaphore } from '../../lib/async.ts';
import type { MachineRecord } from '../../vmm/index.ts';
import type { KeptRequest } from '../idempotency-keys.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import type { NamedVm } from './named-vm.ts';
import type { VmDeadline } from './vm-deadline.ts';
import type { VmRecord } from './vm-records.ts';

/** One VM that somebody asked for, with what holds it. */
export interface Entry {
  info: NamedVm;
  /** Absent while it is made or taken over, and after it failed. */
  vm?: VirtualMachine;
  /** Where its machine is found again. */
  machine?: MachineRecord;
  /** Whether there is a disk that it is to boot with. */
  hasKeptDisk?: boolean;
  readonly request?: KeptRequest;
  readonly deleted: AbortController;
  /** Settles when it is ready, stopped or failed. */
  started: Promise<void>;
  /** One change of state at a time; deleting does not wait for it. */
  readonly turn: Semaphore;
  readonly deadline: VmDeadline;
  /** The last that it wrote on its console before it failed. */
  lastWords?: string;
}

/** The VM as it is shown. */
export const toShown = ({ info, deadline }: Pick<Entry, 'info' | 'deadline'>): NamedVm => ({
  ...info,
  expiresAt: deadline.at,
});

/** The VM as it is written down. */
export const toRecord = (entry: Omit<Entry, 'started'>): VmRecord => ({
  info: toShown(entry),
  ...(entry.machine === undefined ? {} : { machine: entry.machine }),
  ...(entry.hasKeptDisk === true ? { hasKeptDisk: true } : {}),
  ...(entry.request === undefined ? {} : { request: entry.request }),
});

/** The timeout counts anew, where there is one. */
export function startDeadline({ info: { timeoutMs }, deadline }: Entry): void {
  if (timeoutMs === undefined) deadline.clear();
  else deadline.set(timeoutMs);
}

/** Throws CONFLICT while there is none, and the error of a VM that failed. */
export function livingVm({ info, vm }: Entry): VirtualMachine {
  if (info.error !== undefined) throw info.error;
  if (vm !== undefined && info.state !== 'booting') return vm;
  const context = { vm_id: info.id, state: info.state };
  if (info.state === 'stopped')
    throw new BigboxError('CONFLICT', {
      message: `The VM ${info.id} is stopped.`,
      context,
      remedy: `Start it: fcctl vm start ${info.id}, or POST /api/v1/vms/${info.id}/start.`,
    });
  throw new BigboxError('CONFLICT', { message: `The VM ${info.id} is ${info.state}, not ready.`, context });
}

/** What became of the VMs that an earlier owner left. */
export interface Adoption {
  readonly adopted: readonly string[];
  /** Those that were still being made, and are made again. */
  readonly remade: readonly string[];
  readonly lost: readonly { readonly id: string; readonly reason: string }[];
  /** Ids of the machines that go on. */
  readonly machines: ReadonlySet<string>;
}

/** Sums up entries that are settled or made again. */
export function describeAdoption(entries: readonly Entry[]): Adoption {
  const idsOf = (found: readonly Entry[]): readonly string[] => found.map(({ info }) => info.id);
  const living = entries.filter(({ vm }) => vm !== undefined);
  return {
    adopted: idsOf(living),
    remade: idsOf(entries.filter(({ info }) => info.state === 'booting')),
    lost: entries.flatMap(({ info: { id, error } }) => (error === undefined ? [] : [{ id, reason: error.message }])),
    machines: new Set(living.flatMap(({ machine }) => (machine === undefined ? [] : [machine.id]))),
  };
}
