import { Command } from 'commander';
import type { Vm } from '../../../contracts/vms.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatFacts } from '../../output/table.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl vm show`: what is known of one VM. */
export function showCommand(): Command {
  const command = withInstanceFlags(
    new Command('show').description('Show what is known of a VM.').addArgument(vmArgument()),
  )
    .addOption(jsonFlag())
    .action((word: string, flags: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const vm = await client.vm(await findVmId(client, word, signal), signal);
        process.stdout.write(flags.json === true ? `${JSON.stringify(vm)}\n` : formatFacts(toFacts(vm)));
      }),
    );
  return withExamples(
    command,
    ['fcctl vm show try', 'by its name'],
    ['fcctl vm show vm-1a2b3c4d --json', 'by its id, as JSON'],
  );
}

const ends: Readonly<Record<Vm['on_timeout'], string>> = { kill: 'is removed then', pause: 'is paused then' };

function toFacts(vm: Vm): readonly (readonly [string, string])[] {
  const alias = vm.requested_vm_type === vm.vm_type ? '' : `, asked for as ${vm.requested_vm_type}`;
  return [
    ['id', vm.id],
    ['name', vm.name],
    ['status', vm.status],
    ['type', `${vm.vm_type}${alias}`],
    ...(vm.snapshot_id === undefined ? [] : [['from', vm.snapshot_id] as const]),
    ...(vm.forked_from === undefined ? [] : [['fork of', vm.forked_from] as const]),
    ['vcpus', String(vm.vcpus)],
    ['memory', `${vm.memory_mb} MB`],
    ['made', vm.created_at],
    ...(vm.last_activity === undefined ? [] : [['used', vm.last_activity] as const]),
    ...(vm.expires_at === undefined ? [] : [['ends', `${vm.expires_at} (${ends[vm.on_timeout]})`] as const]),
    ...Object.entries(vm.metadata).map(([key, value]) => ['label', `${key}=${value}`] as const),
    ...(vm.agent_id === undefined ? [] : [['agent', vm.agent_id] as const]),
    ...(vm.error_detail === undefined
      ? []
      : [['problem', `${vm.error_detail.message} (${vm.error_detail.code})`] as const]),
  ];
}
