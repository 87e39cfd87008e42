import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../lib/files.ts';
import { isRunning } from '../../lib/process-identity.ts';

const RecordedProcess = z.object({ pid: z.number().int(), startTime: z.string() });

/** What the supervisor writes down about itself and its services, for `status`, `down` and a successor after its death. */
export const SupervisorState = z.object({
  supervisor: RecordedProcess,
  /** Differs when the configuration or the program changed since the start. */
  fingerprint: z.string(),
  url: z.string(),
  vmUrl: z.string(),
  modelUrl: z.string(),
  services: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['starting', 'running', 'restarting', 'stopped']),
      restarts: z.number().int(),
      process: RecordedProcess.optional(),
      log: z.string(),
    }),
  ),
});
export type SupervisorState = z.infer<typeof SupervisorState>;

/** Where the state of the instance with this data folder stands. */
const statePath = (dataDir: string): string => join(dataDir, 'run', 'services.json');

/** Reads the recorded state, also of a supervisor that is dead; undefined when there is none or it is of an unknown form. */
export async function readState(dataDir: string): Promise<SupervisorState | undefined> {
  const text = await readFile(statePath(dataDir), 'utf8').catch(() => '');
  if (text === '') return undefined;
  try {
    return SupervisorState.parse(JSON.parse(text));
  } catch {
    return undefined; // Another version wrote it; its processes are found by their ports.
  }
}

/** Reads the state of the instance if its supervisor lives. */
export async function readLiveState(dataDir: string): Promise<SupervisorState | undefined> {
  const state = await readState(dataDir);
  return state !== undefined && isRunning(state.supervisor) ? state : undefined;
}

export const writeState = (dataDir: string, state: SupervisorState): Promise<void> =>
  writeFileAtomically(statePath(dataDir), `${JSON.stringify(state, null, 2)}\n`);
