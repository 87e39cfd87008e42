import type { Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { eachVmCommand } from '../each.ts';

/** `fcctl vm pause`: lets VMs stand still with their memory. */
export const pauseCommand = (): Command =>
  withExamples(
    eachVmCommand({
      name: 'pause',
      description: 'Let VMs stand still with what is in their memory; the next command goes on with them.',
      act: (client, id, signal) => client.pauseVm(id, signal),
    }),
    ['fcctl vm pause try', 'one by its name'],
    ['fcctl vm pause vm-1a2b3c4d vm-5e6f7a8b', 'two by their ids'],
  );

/** `fcctl vm resume`: lets paused VMs go on. */
export const resumeCommand = (): Command =>
  withExamples(
    eachVmCommand({
      name: 'resume',
      description: 'Let paused VMs go on where they stood, with the right time.',
      act: (client, id, signal) => client.resumeVm(id, signal),
    }),
    ['fcctl vm resume try', 'one by its name'],
    ["fcctl vm resume $(fcctl vm list --state paused --json | jq -r '.[].id')", 'all that are paused'],
  );
