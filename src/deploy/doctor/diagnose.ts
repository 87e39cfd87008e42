import type { Configuration } from '../../config/index.ts';
import { checkClock } from './clock.ts';
import { type Finding, toFinding } from './finding.ts';
import {
  checkControlGroups,
  checkHugePages,
  checkMemory,
  checkPageMerging,
  checkSwap,
  checkThreads,
} from './kernel.ts';
import { checkMachineRunner } from './machine-runner.ts';
import { checkPorts } from './ports.ts';
import { checkSpeed } from './speed.ts';
import { checkReflink, checkSpace } from './storage.ts';

export interface DoctorOptions {
  readonly configuration: Configuration;
  /** Addresses at which the instance serves already; empty where it does not run. */
  readonly ownAddresses: readonly string[];
  /** Where /proc and /sys are looked for. */
  readonly root?: string;
  readonly binary?: string;
}

/** Checks what VMs need of this machine and gives every finding, also the good ones. Of its trials only an empty control group stays. */
export async function diagnose(options: DoctorOptions): Promise<readonly Finding[]> {
  const { configuration, ownAddresses, root = '/', binary = 'qemu-system-x86_64' } = options;
  const { cacheDir, dataDir, port, vmPort } = configuration;
  const wanted = [
    { use: 'the pages and the API', port, flag: '--port' },
    { use: 'the VM service', port: vmPort, flag: '--vm-port' },
  ];
  const found = await Promise.all([
    checkMachineRunner(binary),
    checkControlGroups(root),
    checkThreads(root),
    checkPageMerging(root),
    checkSwap(root),
    checkHugePages(root),
    checkMemory(root),
    checkSpace('data space', dataDir),
    checkSpace('cache space', cacheDir),
    checkReflink(dataDir),
    ownAddresses.length > 0 ? toOwnPorts(ownAddresses) : checkPorts(wanted),
    checkClock(root),
    checkSpeed(dataDir),
  ]);
  return found.flat();
}

const toOwnPorts = (addresses: readonly string[]): Finding =>
  toFinding('ports', 'ok', `${addresses.map((address) => new URL(address).port).join(', ')} are this Bigbox's own`);
