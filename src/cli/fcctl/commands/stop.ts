import type { Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { eachVmCommand } from '../each.ts';

/** `fcctl vm stop`: lets go of VMs but for their disks. */
export const stopCommand = (): Command =>
  withExamples(
    eachVmCommand({
      name: 'stop',
      description: 'End what runs in VMs and keep their disks only, until they are started.',
      act: (client, id, signal) => client.stopVm(id, signal),
    }),
    ['fcctl vm stop try', 'one by its name'],
    ["fcctl vm stop $(fcctl vm list --state paused --json | jq -r '.[].id')", 'all that are paused'],
  );

/** `fcctl vm start`: boots stopped VMs. */
export const startCommand = (): Command =>
  withExamples(
    eachVmCommand({
      name: 'start',
      description: 'Boot stopped VMs with their disks.',
      act: (client, id, signal) => client.startVm(id, signal),
    }),
    ['fcctl vm start try', 'one by its name'],
    ['fcctl vm start vm-1a2b3c4d vm-5e6f7a8b', 'two by their ids'],
  );
