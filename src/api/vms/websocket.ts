import type { WebSocket } from '@fastify/websocket';
import { z } from 'zod';
import { BigboxError, toBigboxError, toErrorBody } from '../../contracts/errors.ts';
import { ExecuteRequest } from '../../contracts/execution.ts';
import { ParseExecuteRequest, VmFrame } from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { parseAndExecute, tellExecution } from './execute.ts';

const VmPath = z.object({ vm_id: z.string().max(64) });
const maxExecutionsPerConnection = 8;

interface Connection {
  readonly service: VmService;
  readonly socket: WebSocket;
  readonly vmId: string;
  readonly signal: AbortSignal;
  running: number;
}

const send = ({ socket }: Connection, messageType: string, data: unknown): void =>
  socket.send(JSON.stringify({ message_type: messageType, data }));

async function runCode(connection: Connection, data: unknown): Promise<void> {
  const { service, vmId, signal } = connection;
  const { execution_id: clientId } = z.object({ execution_id: z.string().max(200).optional() }).parse(data);
  const request = ExecuteRequest.parse({ ...(data as object), vm_id: vmId });
  const named = clientId === undefined ? {} : { execution_id: clientId };
  for await (const event of tellExecution(service, request, signal)) {
    if (event.type === 'output-delta')
      send(connection, 'LlmExecutionOutput', { ...named, content: event.text, stream: event.stream });
    if (event.type === 'execution-finished') send(connection, 'LlmExecutionComplete', { ...event.result, ...named });
    if (event.type === 'execution-failed') send(connection, 'Error', { ...event.error, ...named });
  }
}

async function runText(connection: Connection, data: unknown): Promise<void> {
  const { service, vmId, signal } = connection;
  const request = ParseExecuteRequest.parse({ ...(data as object), vm_id: vmId });
  const answer = await parseAndExecute(service, request, signal);
  for (const result of answer.execution_results)
    send(connection, 'LlmExecutionOutput', {
      execution_id: result.execution_id,
      content: result.stdout,
      stream: 'stdout',
    });
  send(connection, 'LlmExecutionComplete', answer);
}

async function answerFrame(connection: Connection, text: string): Promise<void> {
  const frame = VmFrame.parse(JSON.parse(text));
  switch (frame.message_type) {
    case 'LlmExecuteCode':
      return runCode(connection, frame.data);
    case 'LlmParseExecute':
      return runText(connection, frame.data);
    case 'QueryHistory':
    case 'CreateSnapshot':
    case 'RollbackToSnapshot':
      throw new BigboxError('NOT_SUPPORTED', {
        message: `${frame.message_type} belongs to the history of VMs, which this version does not have.`,
        context: { message_type: frame.message_type },
      });
    default:
      throw new BigboxError('INVALID_REQUEST', {
        message: `There is no frame ${frame.message_type}, expected LlmExecuteCode or LlmParseExecute.`,
        context: { message_type: frame.message_type },
      });
  }
}

const toFrameError = (error: unknown): BigboxError =>
  error instanceof z.ZodError || error instanceof SyntaxError
    ? new BigboxError('INVALID_REQUEST', {
        message: `The frame cannot be read: ${error instanceof z.ZodError ? z.prettifyError(error) : error.message}`,
      })
    : toBigboxError(error);

async function take(connection: Connection, text: string): Promise<void> {
  try {
    if (connection.running >= maxExecutionsPerConnection)
      throw new BigboxError('LIMIT_EXCEEDED', {
        message: `This connection runs ${connection.running} frames already.`,
        context: { limit: maxExecutionsPerConnection },
      });
    connection.running += 1;
    try {
      await answerFrame(connection, text);
    } finally {
      connection.running -= 1;
    }
  } catch (error) {
    if (!connection.signal.aborted) send(connection, 'Error', toErrorBody(toFrameError(error)));
  }
}

/** Adds upstream's WebSocket of one VM. What a client started there stops when it leaves. */
export function addVmSocket(app: HttpServer, service: VmService): void {
  app.get(
    '/ws/:vm_id',
    {
      websocket: true,
      schema: { params: VmPath, hide: true },
      preValidation: async (request) => {
        service.named.get((request.params as { vm_id: string }).vm_id);
      },
    },
    (socket, request) => {
      const left = new AbortController();
      const connection: Connection = { service, socket, vmId: request.params.vm_id, signal: left.signal, running: 0 };
      socket.on('close', () => left.abort());
      socket.on('error', () => left.abort());
      socket.on('message', (data: Buffer) => void take(connection, data.toString('utf8')));
    },
  );
}
