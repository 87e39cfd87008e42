import type { GuestConnection } from '../../guest/index.ts';
import type { Machine, Snapshot } from '../driver.ts';

export const agentTimeoutMs = 60_000;

export const connect = (machine: Machine): Promise<GuestConnection> =>
  machine.connect(AbortSignal.timeout(agentTimeoutMs));

/** The connection to a machine that was captured: the one before where it is kept, else a new one. */
export const reconnect = async (machine: Machine, before: GuestConnection): Promise<GuestConnection> =>
  machine.keepsConnections ? before : connect(machine);

/** Runs a script to its end and gives all that it wrote. */
export async function run({ agent }: GuestConnection, script: string): Promise<string> {
  const output: Uint8Array[] = [];
  for await (const { event } of agent.exec({ argv: ['bash', '-c', script] }, { timeoutMs: agentTimeoutMs }))
    if (event.case === 'stdout' || event.case === 'stderr') output.push(event.value.data);
  return Buffer.concat(output).toString('utf8');
}

/** Captures a machine that goes on. */
export async function capture(machine: Machine, directory: string): Promise<Snapshot> {
  await machine.pause();
  const captured = await machine.capture(directory);
  try {
    await machine.resume();
    return await captured.complete();
  } finally {
    await captured.close();
  }
}
