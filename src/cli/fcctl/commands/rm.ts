import type { Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { eachVmCommand } from '../each.ts';

/** `fcctl vm rm`: removes VMs with everything in them. */
export const removeCommand = (): Command =>
  withExamples(
    eachVmCommand({
      name: 'rm',
      description: 'Remove VMs with everything in them, in whatever state they are.',
      act: (client, id, signal) => client.deleteVm(id, signal),
    }),
    ['fcctl vm rm try', 'removes one by its name'],
    ["fcctl vm rm $(fcctl vm list --json | jq -r '.[].id')", 'removes all'],
  );
