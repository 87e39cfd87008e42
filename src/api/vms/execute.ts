import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { extractCodeBlocks } from '../../agents/index.ts';
import { BigboxError, type ErrorBody, fromErrorBody, toBigboxError, toErrorBody } from '../../contracts/errors.ts';
import { ExecuteRequest, ExecuteResponse, type ExecutionEvent, toLanguage } from '../../contracts/execution.ts';
import {
  type ParseExecuteRequest,
  ParseExecuteRequest as ParseExecuteBody,
  ParseExecuteResponse,
} from '../../contracts/vms.ts';
import { type HttpServer, requestSignal, streamEvents } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';

/** Runs code to its end and gives the result. Throws what kept it from starting. */
async function executeToEnd(
  service: VmService,
  request: ExecuteRequest,
  signal: AbortSignal,
): Promise<ExecuteResponse> {
  for await (const event of service.execute(request, signal)) {
    if (event.type === 'execution-finished') return event.result;
    if (event.type === 'execution-failed') throw fromErrorBody(event.error);
  }
  throw new BigboxError('INTERNAL', { message: 'The execution ended without a result.' });
}

/** Tells an execution as events; what keeps it from starting is the last of them. */
export async function* tellExecution(
  service: VmService,
  request: ExecuteRequest,
  signal: AbortSignal,
): AsyncGenerator<ExecutionEvent, void> {
  try {
    yield* service.execute(request, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    yield { type: 'execution-failed', error: toErrorBody(toBigboxError(error)) };
  }
}

const wantsEvents = (request: FastifyRequest): boolean => (request.headers.accept ?? '').includes('text/event-stream');

async function answerWithEvents(service: VmService, request: ExecuteRequest, reply: FastifyReply): Promise<void> {
  await streamEvents(reply, async function* (signal) {
    for await (const event of tellExecution(service, request, signal)) yield { event: event.type, data: event };
  });
}

type ParseExecuteAnswer = z.infer<typeof ParseExecuteResponse>;

/** Runs the fenced code of a text in the order of the text, each block once; a block that fails does not stop the next. */
export async function parseAndExecute(
  service: VmService,
  request: ParseExecuteRequest,
  signal: AbortSignal,
): Promise<ParseExecuteAnswer> {
  const { allowedLanguages } = service.policy;
  const blocks = extractCodeBlocks(request.llm_response).map(({ language, code }) => {
    const known = toLanguage(language);
    return { language, code, executable: known !== undefined && allowedLanguages.includes(known) };
  });
  const results: ExecuteResponse[] = [];
  const errors: ErrorBody[] = [];
  const runnable = request.auto_execute ? blocks.filter(({ executable }) => executable) : [];
  for (const { language, code } of runnable) {
    const { agent_id, vm_id, timeout_ms } = request;
    try {
      results.push(await executeToEnd(service, { agent_id, vm_id, timeout_ms, language, code }, signal));
    } catch (error) {
      signal.throwIfAborted();
      errors.push(toErrorBody(toBigboxError(error)));
    }
  }
  return {
    code_blocks: blocks,
    execution_results: results,
    errors: errors.map(({ message }) => message),
    error_details: errors,
  };
}

/** Adds `/api/llm/execute` and `/api/llm/parse-execute`. */
export function addExecuteRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'POST',
    url: '/api/llm/execute',
    schema: {
      summary: 'Run code in a microVM',
      description:
        'Answers when the code has ended. With `Accept: text/event-stream` it answers at once with ExecutionEvents as server-sent events. A client that leaves stops the code.',
      tags: ['execution'],
      body: ExecuteRequest,
      response: { 200: ExecuteResponse },
    },
    handler: async (request, reply) => {
      if (wantsEvents(request)) return answerWithEvents(service, request.body, reply) as never;
      return executeToEnd(service, request.body, requestSignal(reply));
    },
  });
  app.route({
    method: 'POST',
    url: '/api/llm/parse-execute',
    schema: {
      summary: 'Run the fenced code of a text',
      description:
        'Blocks run in the order of the text, once each, every one in a fresh clone unless vm_id names a VM.',
      tags: ['execution'],
      body: ParseExecuteBody,
      response: { 200: ParseExecuteResponse },
    },
    handler: (request, reply) => parseAndExecute(service, request.body, requestSignal(reply)),
  });
}
