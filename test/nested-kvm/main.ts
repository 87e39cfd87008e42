import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfiguration, processEnvironment } from '../../src/config/index.ts';
import { root } from '../../src/cli/root.ts';
import { findKvmFault } from '../../src/vmm/qemu/accelerator.ts';
import { ensureFirecracker } from './firecracker-binaries.ts';
import { type LabOptions, reportInLab, runInLab } from './run-in-lab.ts';

/** Stands in the command for the file that is to hold its report. */
const reportPlace = '{report}';

async function runHere(command: readonly string[], options: LabOptions): Promise<number> {
  const { firecracker } = await ensureFirecracker(options);
  const [program = '', ...parameters] = command;
  const path = `${dirname(firecracker)}:${options.environment['PATH'] ?? ''}`;
  const child = spawn(program, parameters, {
    cwd: root,
    env: { ...options.environment, ...options.variables, PATH: path },
    stdio: 'inherit',
    signal: options.signal,
    timeout: options.deadlineMs,
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

async function runThere(command: readonly string[], options: LabOptions, reportFile: string | undefined) {
  const end = await runInLab(command, options);
  if (reportFile !== undefined) await writeFile(reportFile, end.report);
  if (end.exitCode === undefined) console.error(`The lab ended without an exit code. Its console:\n${end.console}`);
  return end.exitCode ?? 1;
}

/**
 * Runs a command where KVM works: on this machine, or else in the nested lab.
 * `node test/nested-kvm/main.ts [--report FILE] [--deadline SECONDS] [--env NAME=VALUE] -- COMMAND...`; `{report}` in the command
 * becomes the path that is brought back to FILE.
 */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      report: { type: 'string' },
      deadline: { type: 'string', default: '540' },
      env: { type: 'string', multiple: true, default: [] },
    },
  });
  const stopped = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stopped.abort(new Error(`It was ended by ${name}.`)));
  const options: LabOptions = {
    cacheDir: loadConfiguration().cacheDir,
    environment: processEnvironment(),
    signal: stopped.signal,
    deadlineMs: Number(values.deadline) * 1000,
    variables: Object.fromEntries(values.env.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string])),
    onProgress: ({ step }) => console.log(`[lab] ${step}`),
    onOutput: (chunk) => void process.stdout.write(chunk),
  };
  const fault = await findKvmFault('qemu-system-x86_64');
  const report = fault === undefined ? (values.report ?? '') : reportInLab;
  const command = positionals.map((word) => word.replace(reportPlace, report));
  if (fault === undefined) return await runHere(command, options);
  console.log(`[lab] KVM does not work on this machine (${fault}); running in the nested lab`);
  return await runThere(command, options, values.report);
}

process.exitCode = await main();
