import { Command, Option } from 'commander';
import { mostRounds, type VmBenchmark } from '../../../contracts/capabilities.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatDuration } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { parseWhole } from '../parse-words.ts';
import { withVmService } from '../vm-service.ts';

interface BenchFlags extends InstanceFlags {
  readonly rounds?: number;
  readonly json?: true;
}

const defaultRounds = 5;

/** `fcctl bench`: how fast this machine really is. */
export function benchCommand(): Command {
  const command = withInstanceFlags(
    new Command('bench')
      .description('Measure how fast VMs are here, by making and using some one after the other, and keep the result.')
      .addOption(
        new Option('--rounds <number>', `how many VMs, at most ${mostRounds} (default: ${defaultRounds})`).argParser(
          parseWhole(1, mostRounds),
        ),
      ),
  )
    .addOption(jsonFlag())
    .action((flags: BenchFlags) =>
      withVmService(flags, async (client, signal) => {
        const { rounds = defaultRounds } = flags;
        process.stderr.write(`VMs that are made and used one after the other, a few seconds each: ${rounds}.\n`);
        const result = await client.runBenchmark(rounds, signal);
        process.stdout.write(flags.json === true ? `${JSON.stringify(result)}\n` : toTable(result));
      }),
    );
  return withExamples(
    command,
    ['fcctl bench', 'creation, execution, pause, resume, snapshot'],
    ['fcctl bench --rounds 20 --json', 'more of it, for programs'],
  );
}

const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

function toTable({ figures, duration_ms: durationMs, ...circumstances }: VmBenchmark): string {
  const { driver, driver_version: version, accelerator, vcpus, memory_mb: memory } = circumstances;
  const rows = figures.map(({ name, rounds, p50_ms: middle, min_ms: least, max_ms: most }) => [
    name.replaceAll('-', ' '),
    milliseconds(middle),
    milliseconds(least),
    milliseconds(most),
    String(rounds),
  ]);
  const how = `${driver} ${version}, ${accelerator === 'kvm' ? 'with KVM' : 'emulated'}, ${vcpus} cpu, ${memory} MB`;
  return `${formatTable(['STEP', 'P50', 'LEAST', 'MOST', 'TIMES'], rows)}${how}; took ${formatDuration(durationMs)}\n`;
}
