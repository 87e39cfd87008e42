import { setInterval as every } from 'node:timers';
import {
  type Step,
  downloadSize,
  findMissingPackages,
  runSteps,
  type PackageWish,
  type SystemPackage,
} from '../apps/setup/index.ts';
import { processEnvironment } from '../config/index.ts';
import { BigboxError } from '../contracts/errors.ts';
import { systemClock } from '../lib/clock.ts';
import { ask } from './output/ask.ts';
import { SetupView } from './output/setup-view.ts';

export interface SetUpOptions {
  /** Install without a question. */
  readonly yes: boolean;
  readonly debug: boolean;
  readonly signal: AbortSignal;
}

/**
 * Finds what packages are missing and, on a terminal, asks whether they may be installed. Answers with those to install.
 * Throws SETUP_STEP_FAILED when the person says no.
 */
export async function agreeOnPackages(
  wanted: PackageWish,
  { yes, signal }: SetUpOptions,
): Promise<readonly SystemPackage[]> {
  const options = { environment: processEnvironment(), signal };
  const missing = await findMissingPackages(wanted, options);
  if (missing.length === 0) return missing;
  const size = await downloadSize(missing, options);
  const list = `${missing.map(({ name }) => name).join(', ')}${size === undefined ? '' : ` (${size})`}`;
  if (yes || process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    process.stderr.write(`Installs with apt: ${list}.\n`);
    return missing;
  }
  if (await ask(`Will install with apt: ${list}. Continue?`, signal)) return missing;
  throw new BigboxError('SETUP_STEP_FAILED', {
    message: 'Nothing was installed and nothing changed.',
    remedy: `Run it again and agree, or install them yourself: apt-get install ${missing.map(({ name }) => name).join(' ')}`,
  });
}

/** Runs steps and shows them. Answers with the names of those that failed. Throws SETUP_STEP_FAILED when one failed that all needs. */
export async function showSteps(
  steps: readonly Step[],
  options: SetUpOptions & { readonly cores: number },
): Promise<readonly string[]> {
  const view = new SetupView(process.stderr, { clock: systemClock, debug: options.debug });
  const ticks = every(() => view.refresh(), 200);
  const failed: string[] = [];
  let fatal: string | undefined;
  try {
    for await (const event of runSteps(steps, { cores: options.cores, clock: systemClock, signal: options.signal })) {
      view.handle(event);
      if (event.type !== 'step-failed') continue;
      failed.push(event.step);
      if (event.stillWorks === undefined) fatal ??= event.step;
    }
  } finally {
    clearInterval(ticks);
  }
  if (fatal === undefined) return failed;
  throw new BigboxError('SETUP_STEP_FAILED', {
    message: `The step "${fatal}" failed, and nothing works without it.`,
    remedy: 'Correct what it names above and run the same command again: finished steps are kept.',
  });
}
