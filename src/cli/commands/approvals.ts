import { Argument, Command, Option } from 'commander';
import type { Approval } from '../../contracts/approvals.ts';
import type { AgentClient } from '../../sdk/index.ts';
import { withExamples } from '../examples.ts';
import { jsonFlag } from '../flags/json.ts';
import { type InstanceFlags, clientOf, configurationOf, requireRunning, withInstanceFlags } from '../instance.ts';
import { formatTable } from '../output/table.ts';

interface DecisionFlags extends InstanceFlags {
  readonly comment?: string;
}

/** `bigbox approvals`: code that waits for a person. */
export function approvalsCommand(): Command {
  const command = new Command('approvals')
    .description('See code that a rule lets run only when you approve it, and decide.')
    .addCommand(listCommand())
    .addCommand(decisionCommand('approve', 'Let the code run.'))
    .addCommand(decisionCommand('reject', 'Do not let the code run; the comment is told to who wanted it.'));
  return withExamples(
    command,
    ['bigbox approvals list', 'shows what waits'],
    ['bigbox approvals approve approval_1a2b3c', 'lets it run'],
  );
}

async function openClient(flags: InstanceFlags): Promise<AgentClient> {
  const configuration = configurationOf(flags);
  return clientOf(configuration, (await requireRunning(configuration)).url);
}

function listCommand(): Command {
  const command = withInstanceFlags(
    new Command('list')
      .description('List the code that waits, with --all also what was decided.')
      .addOption(new Option('--all', 'also what no longer waits'))
      .addOption(jsonFlag()),
  ).action(async (flags: InstanceFlags & { readonly all?: true; readonly json?: true }) => {
    const client = await openClient(flags);
    const approvals = await client.approvals(flags.all === true ? undefined : 'waiting');
    process.stdout.write(flags.json === true ? `${JSON.stringify(approvals)}\n` : describe(approvals));
  });
  return withExamples(
    command,
    ['bigbox approvals list', 'id, rule, who asks, and the code'],
    ['bigbox approvals list --all --json', 'everything, for programs'],
  );
}

function describe(approvals: readonly Approval[]): string {
  if (approvals.length === 0) return 'No code waits for approval.\n';
  const rows = approvals.map(({ id, state, hook, agent_id, vm_id }) => [
    id,
    state,
    hook,
    agent_id,
    vm_id ?? 'a new clone',
  ]);
  const codes = approvals.map(({ id, reason, code }) => `\n${id}: ${reason}\n${code.replaceAll(/^/gm, '    ')}\n`);
  return formatTable(['ID', 'STATE', 'RULE', 'AGENT', 'VM'], rows) + codes.join('');
}

function decisionCommand(decision: 'approve' | 'reject', description: string): Command {
  const command = withInstanceFlags(
    new Command(decision)
      .description(description)
      .addArgument(new Argument('<id>', 'id of the approval, as bigbox approvals list shows it'))
      .addOption(new Option('--comment <text>', 'why')),
  ).action(async (id: string, flags: DecisionFlags) => {
    const client = await openClient(flags);
    const comment = flags.comment === undefined ? {} : { comment: flags.comment };
    const { state } = await client.decideApproval(id, { decision, ...comment });
    process.stdout.write(`${id} is ${state}.\n`);
  });
  return withExamples(
    command,
    [`bigbox approvals ${decision} approval_1a2b3c`, 'decides about that code'],
    [`bigbox approvals ${decision} approval_1a2b3c --comment "seen"`, 'decides, and says why'],
  );
}
