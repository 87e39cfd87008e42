import { BigboxError } from '../contracts/errors.ts';
import { type ExecuteRequest, ExecutionEvent, type Language } from '../contracts/execution.ts';
import { VmServiceHealth } from '../contracts/health.ts';
import type { CodeRequest, Sandbox } from '../contracts/ports.ts';
import { readEventStream } from './event-stream.ts';
import { type FileClient, createFileClient } from './files.ts';
import { type ConnectionOptions, send } from './http.ts';
import { type MachineClient, createMachineClient } from './machines.ts';
import { type ProcessClient, createProcessClient } from './processes.ts';
import { type ServiceClient, createServiceClient } from './service.ts';
import { type SnapshotClient, createSnapshotClient } from './snapshots.ts';

/** Client of the VM service. */
export interface VmClient extends MachineClient, FileClient, ProcessClient, ServiceClient, SnapshotClient {
  /** Throws SERVICE_NOT_RUNNING. */
  health(signal?: AbortSignal): Promise<VmServiceHealth>;
  /** Runs code and yields what happens. Breaking out or aborting stops the code. Throws the server's errors, SERVICE_NOT_RUNNING. */
  execute(
    request: Partial<ExecuteRequest> & Pick<ExecuteRequest, 'language' | 'code'>,
    signal: AbortSignal,
  ): AsyncIterable<ExecutionEvent>;
}

/** Creates a client of the VM service at an address. */
export function createVmClient(connection: ConnectionOptions): VmClient {
  return {
    ...createMachineClient(connection),
    ...createFileClient(connection),
    ...createProcessClient(connection),
    ...createServiceClient(connection),
    ...createSnapshotClient(connection),
    async health(signal) {
      const response = await send(connection, '/health', signal === undefined ? {} : { signal });
      return VmServiceHealth.parse(await response.json());
    },
    async *execute(request, signal) {
      const response = await send(connection, '/api/llm/execute', {
        method: 'POST',
        body: request,
        headers: { accept: 'text/event-stream' },
        signal,
      });
      for await (const data of readEventStream(response)) yield ExecutionEvent.parse(JSON.parse(data));
    },
  };
}

/** Makes of a VM service the sandbox that agents hold: code runs once in a fresh microVM. */
export function createSandbox(client: VmClient, languages: readonly Language[]): Sandbox {
  return {
    languages,
    async *execute(request: CodeRequest) {
      const { agentId, language, code, timeoutMs, signal } = request;
      let ended = false;
      try {
        for await (const event of client.execute(
          { agent_id: agentId, language, code, timeout_ms: timeoutMs },
          signal,
        )) {
          ended = event.type === 'execution-finished' || event.type === 'execution-failed';
          yield event;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof BigboxError && error.code !== 'SERVICE_NOT_RUNNING') throw error;
        throw new BigboxError('VM_UNAVAILABLE', {
          message: 'The VM service broke off or does not answer.',
          cause: error,
        });
      }
      if (!ended)
        throw new BigboxError('VM_UNAVAILABLE', { message: 'The VM service broke off before the code had ended.' });
    },
  };
}
