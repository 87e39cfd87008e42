import { setTimeout as wait } from 'node:timers/promises';
import type { Configuration, Environment } from '../../config/index.ts';
import { BigboxError } from '../../contracts/errors.ts';
import { createAgentClient, createVmClient } from '../../sdk/index.ts';
import { launchSupervisor, logFileOf, stopAll } from '../all/index.ts';
import type { Step } from './step.ts';

export interface ServiceStepsOptions {
  readonly configuration: Configuration;
  readonly environment: Environment;
  /** Whether what runs must be started anew: the program or its configuration changed. */
  readonly mustRestart: boolean;
  readonly isRunning: boolean;
}

const patienceMs = 90_000;

/** The steps that start the services and wait until they serve. */
export function serviceSteps(options: ServiceStepsOptions): readonly Step[] {
  const { configuration, environment } = options;
  const { dataDir, host, port, vmUrl } = configuration;
  return [
    {
      name: 'services',
      needs: [],
      follows: ['packages', 'guest agent', 'vm image', 'web pages', 'model'],
      heavy: false,
      run: async ({ report, signal }) => {
        if (options.isRunning && !options.mustRestart) return '';
        report({ doing: 'starting' });
        if (options.isRunning) await stopAll(dataDir);
        await launchSupervisor({ dataDir, environment, signal });
        const client = createAgentClient({ baseUrl: `http://${host}:${port}` });
        await until(async () => (await client.health(signal)).status !== 'starting', {
          signal,
          failure: `The agent server does not answer within ${patienceMs / 1000} s.`,
          remedy: `Its log is ${logFileOf(dataDir, 'terraphim-server')}.`,
        });
        return '';
      },
    },
    ...(configuration.execution.enabled ? [templateStep(vmUrl, dataDir)] : []),
  ];
}

function templateStep(vmUrl: string, dataDir: string): Step {
  return {
    name: 'template',
    needs: ['services', 'vm image'],
    heavy: false,
    stillWorks: 'Everything but code: agents answer, their code is shown and not run.',
    run: async ({ report, signal }) => {
      const client = createVmClient({ baseUrl: vmUrl });
      let detail = '';
      await until(
        async () => {
          const { pool, accelerator } = await client.health(signal);
          if (pool === undefined) return false;
          detail = `${pool.ready} of ${pool.target} VMs ready${accelerator === 'tcg' ? ', emulated: no working KVM' : ''}`;
          if (pool.ready > 0 || pool.busy > 0) return true;
          report({ doing: 'booting', completed: pool.ready, total: pool.target, unit: 'VMs' });
          return false;
        },
        {
          signal,
          failure: `No microVM is ready after ${patienceMs / 1000} s.`,
          remedy: `The log of the VM service is ${logFileOf(dataDir, 'fcctl-web')}.`,
        },
      );
      return detail;
    },
  };
}

interface Patience {
  readonly signal: AbortSignal;
  readonly failure: string;
  readonly remedy: string;
}

/** Asks again until it is so; a server that does not answer yet counts as no. Throws SETUP_STEP_FAILED after the patience. */
async function until(isSo: () => Promise<boolean>, { signal, failure, remedy }: Patience): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const yes = await isSo().catch((error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof BigboxError && error.retry === 'later') return false;
      throw error;
    });
    if (yes) return;
    if (performance.now() > deadline) throw new BigboxError('SETUP_STEP_FAILED', { message: failure, remedy });
    await wait(100, undefined, { signal });
  }
}
