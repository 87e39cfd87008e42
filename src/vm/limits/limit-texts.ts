import type { Limit, LimitName } from '../../contracts/limits.ts';

const fewerVms = 'Delete a VM that is no longer needed, wait until executions have ended, or raise';

/** What is said of each limit. */
export const limitTexts: Readonly<Record<LimitName, Pick<Limit, 'meaning' | 'scope' | 'unit' | 'remedy'>>> = {
  max_vms: {
    meaning: 'VMs in use, running executions included',
    scope: 'all',
    unit: 'number',
    remedy: `${fewerVms} bigbox.max_vms.`,
  },
  max_vcpus: {
    meaning: 'Virtual processors of VMs in use',
    scope: 'all',
    unit: 'number',
    remedy: `${fewerVms} bigbox.max_vcpus.`,
  },
  max_memory_mib: {
    meaning: 'Memory of VMs in use',
    scope: 'all',
    unit: 'MiB',
    remedy: `${fewerVms} bigbox.max_memory_mib.`,
  },
  max_disk_mib: {
    meaning: 'Disk space of VMs and snapshots',
    scope: 'all',
    unit: 'MiB',
    remedy: 'Delete snapshots or VMs that are no longer needed, or raise bigbox.max_disk_mib.',
  },
  max_snapshots: {
    meaning: 'Snapshots that are kept',
    scope: 'all',
    unit: 'number',
    remedy: 'Delete a snapshot that is no longer needed, or raise bigbox.max_snapshots.',
  },
  max_forks: {
    meaning: 'Forks that one call makes',
    scope: 'call',
    unit: 'number',
    remedy: 'Fork fewer at a time, or raise bigbox.max_forks.',
  },
  max_processes: {
    meaning: 'Processes that one VM runs at once',
    scope: 'vm',
    unit: 'number',
    remedy: 'Wait until one has ended, or end one with DELETE /api/v1/vms/{id}/processes/{pid}.',
  },
  max_output_bytes: {
    meaning: 'Output that is kept of one program',
    scope: 'call',
    unit: 'bytes',
    remedy: 'Write less, write to a file, or raise bigbox.max_output_bytes.',
  },
  max_upload_bytes: {
    meaning: 'A file that one call writes',
    scope: 'call',
    unit: 'bytes',
    remedy: 'Write it in parts, or raise bigbox.max_upload_bytes.',
  },
  max_run_seconds: {
    meaning: 'The time that a program may run; 0 for ever',
    scope: 'call',
    unit: 's',
    remedy: 'Ask for less time, or raise bigbox.max_run_seconds.',
  },
  max_connections: {
    meaning: 'Calls and connections that are open at once',
    scope: 'all',
    unit: 'number',
    remedy: 'Close connections that are no longer needed, or raise bigbox.max_connections.',
  },
};
