import { Command } from 'commander';
import { type SupervisorState, isRunning, readLiveState } from '../../apps/all/index.ts';
import type { Configuration } from '../../config/index.ts';
import { BigboxError } from '../../contracts/errors.ts';
import type { SystemStatus } from '../../contracts/health.ts';
import { withExamples } from '../examples.ts';
import { jsonFlag } from '../flags/json.ts';
import { type InstanceFlags, clientOf, configurationOf, withInstanceFlags } from '../instance.ts';
import { exitCodes } from '../output/error.ts';

/** What `status --json` prints. Stable: fields are only added. */
export interface Status {
  readonly ready: boolean;
  readonly url: string;
  readonly data_dir: string;
  readonly services: readonly { name: string; state: string; pid: number | null; restarts: number; log: string }[];
  readonly vm: {
    readonly state: string;
    readonly driver: string | null;
    readonly accelerator: string | null;
    readonly note?: string;
  };
  readonly model: {
    readonly state: string;
    readonly provider: string | null;
    readonly name: string | null;
    readonly note?: string;
  };
  readonly notices: readonly string[];
}

/** `bigbox status`: what runs and whether it serves. */
export function statusCommand(): Command {
  const command = withInstanceFlags(new Command('status').description('Show what runs and whether it serves.'))
    .addOption(jsonFlag())
    .action(async (flags: InstanceFlags & { readonly json?: true }) => {
      const status = await describeStatus(configurationOf(flags));
      process.stdout.write(flags.json === true ? `${JSON.stringify(status)}\n` : toText(status));
      if (!status.ready) process.exitCode = exitCodes.notReachable;
    });
  return withExamples(
    command,
    ['bigbox status', 'shows the usual instance'],
    ['bigbox status --json', 'the same for programs'],
  );
}

/** Describes an instance, also one that does not run. */
export async function describeStatus(configuration: Configuration, signal?: AbortSignal): Promise<Status> {
  const state = await readLiveState(configuration.dataDir);
  const system = state === undefined ? undefined : await askSystem(configuration, state, signal);
  const { ready, vm, model, notices } = system ?? nothing;
  return {
    ready,
    url: state?.url ?? `http://${configuration.host}:${configuration.port}`,
    data_dir: configuration.dataDir,
    services: (state?.services ?? []).map(toService),
    vm: toVm(vm),
    model: toModel(model),
    notices,
  };
}

const nothing: Pick<SystemStatus, 'ready' | 'vm' | 'model' | 'notices'> = {
  ready: false,
  vm: { state: 'unavailable' },
  model: { state: 'unavailable' },
  notices: [],
};

const toService = (service: SupervisorState['services'][number]): Status['services'][number] => ({
  name: service.name,
  state: service.process !== undefined && !isRunning(service.process) ? 'restarting' : service.state,
  pid: service.process?.pid ?? null,
  restarts: service.restarts,
  log: service.log,
});

const withNote = (note: string | undefined): { readonly note?: string } => (note === undefined ? {} : { note });

const toVm = ({ state, driver, accelerator, note }: SystemStatus['vm']): Status['vm'] => ({
  state,
  driver: driver ?? null,
  accelerator: accelerator ?? null,
  ...withNote(note),
});

const toModel = ({ state, provider, name, note }: SystemStatus['model']): Status['model'] => ({
  state,
  provider: provider ?? null,
  name: name ?? null,
  ...withNote(note),
});

async function askSystem(
  configuration: Configuration,
  state: SupervisorState,
  signal: AbortSignal = AbortSignal.timeout(5000),
): Promise<SystemStatus | undefined> {
  try {
    return await (await clientOf(configuration, state.url)).system(signal);
  } catch (error) {
    if (signal.aborted || (error instanceof BigboxError && error.retry === 'later')) return undefined;
    throw error;
  }
}

function toText(status: Status): string {
  if (status.services.length === 0) return `Not running. Start it with bigbox up. Its data is in ${status.data_dir}.\n`;
  const { vm, model } = status;
  const services = status.services.map(({ name, state, pid, restarts }) => {
    const again = restarts === 0 ? '' : `  restarted ${restarts === 1 ? 'once' : `${restarts} times`}`;
    return `  ${name.padEnd(17)} ${state.padEnd(10)} ${pid === null ? '' : `pid ${pid}`}${again}`.trimEnd();
  });
  const facts = (parts: readonly (string | null | undefined)[]): string => parts.filter(Boolean).join(', ');
  return [
    `${status.ready ? 'Ready' : 'Not ready'} at ${status.url}`,
    ...services,
    `  microVMs          ${facts([vm.state, vm.driver, vm.accelerator, vm.note])}`,
    `  model             ${facts([model.state, model.provider, model.name, model.note])}`,
    ...status.notices.map((notice) => `  note              ${notice}`),
    '',
  ].join('\n');
}
