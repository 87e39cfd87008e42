import { constants } from 'node:os';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  ExecRequest,
  ExecResult,
  type ProcessEvent,
  ProcessOutputQuery,
  SignalRequest,
  StartProcessRequest,
  StdinAnswer,
  StdinRequest,
  TerminalSize,
  VmProcess,
  VmProcessList,
} from '../../contracts/processes.ts';
import { type HttpServer, lastEventId, requestSignal, streamEvents } from '../../http/index.ts';
import type { ProcessName, VmService } from '../../vm/index.ts';
import { addAttachRoute } from './attach.ts';
import { IdempotencyHeaders } from './create-vm.ts';
import { toBytes, toExecResult, toOutputEvent, toProgram, toVmProcess } from './process-view.ts';

const tags = ['processes'];
const VmPath = z.object({ id: z.string().max(64) });
const ProcessPath = VmPath.extend({
  pid: z.string().max(64).describe('The id of the process, like proc-0123456789abcdef'),
});
const collection = '/api/v1/vms/:id/processes';
const item = `${collection}/:pid`;
const bodyLimit = 4 * 1024 * 1024;

const toName = ({ id, pid }: z.infer<typeof ProcessPath>): ProcessName => ({ vmId: id, processId: pid });

/** Adds starting, watching and ending of processes in VMs, and running a program to its end. */
export function addProcessRoutes(app: HttpServer, service: VmService): void {
  addStartRoutes(app, service);
  addReadRoutes(app, service);
  addOutputRoute(app, service);
  addAttachRoute(app, service);
  addOrderRoutes(app, service);
  addResizeRoute(app, service);
}

function addStartRoutes(app: HttpServer, { processes }: VmService): void {
  app.route({
    method: 'POST',
    url: collection,
    bodyLimit,
    schema: {
      summary: 'Start a process in a VM',
      description:
        'Answers as soon as the guest has confirmed that the program runs. It goes on when the caller leaves: GET .../output follows it, DELETE ends it.',
      tags,
      params: VmPath,
      headers: IdempotencyHeaders,
      body: StartProcessRequest,
      response: { 201: VmProcess },
    },
    handler: async ({ params: { id }, headers, body }, reply) => {
      const process = await processes.start(id, toProgram(body), headers['idempotency-key']);
      reply.header('location', `/api/v1/vms/${id}/processes/${process.id}`);
      return reply.code(201).send(toVmProcess(id, process));
    },
  });
  app.route({
    method: 'POST',
    url: '/api/v1/vms/:id/exec',
    bodyLimit,
    schema: {
      summary: 'Run a program in a VM to its end',
      description:
        'A client that leaves kills the program with all that it started. Of more output than is kept, the newest is given. The program is also listed among the processes.',
      tags,
      params: VmPath,
      body: ExecRequest,
      response: { 200: ExecResult },
    },
    handler: async ({ params: { id }, body }, reply) =>
      toExecResult(await processes.run(id, toProgram(body), requestSignal(reply))),
  });
}

function addReadRoutes(app: HttpServer, { processes }: VmService): void {
  app.route({
    method: 'GET',
    url: collection,
    schema: {
      summary: 'List the processes of a VM, those that run and the last ones that ended',
      tags,
      params: VmPath,
      response: { 200: VmProcessList },
    },
    handler: async ({ params: { id } }) => {
      const found = processes.list(id).map((process) => toVmProcess(id, process));
      const running = found.filter(({ state }) => state === 'running').length;
      return { processes: found, running, max_running: processes.maxRunning };
    },
  });
  app.route({
    method: 'GET',
    url: item,
    schema: { summary: 'Show a process', tags, params: ProcessPath, response: { 200: VmProcess } },
    handler: async ({ params }) => toVmProcess(params.id, processes.get(toName(params))),
  });
}

const wantsLines = ({ headers }: FastifyRequest): boolean => (headers.accept ?? '').includes('application/x-ndjson');

async function* toLines(events: AsyncIterable<ProcessEvent>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}

function addOutputRoute(app: HttpServer, { processes }: VmService): void {
  app.route({
    method: 'GET',
    url: `${item}/output`,
    exposeHeadRoute: false,
    schema: {
      summary: 'Follow the output of a process, first what is kept, then live, up to its exit',
      description:
        'Server-sent events, or lines of JSON with `Accept: application/x-ndjson`; each is a ProcessEvent: output, output-dropped or exit. The id of an event is its next_offset: ?after=N or Last-Event-ID goes on there, also when the process has ended. Several readers may follow at once. The newest output is kept; a reader that is too late is told how many bytes it missed.',
      tags,
      params: ProcessPath,
      querystring: ProcessOutputQuery,
    },
    handler: async (request, reply) => {
      const { params, query } = request;
      const process = processes.get(toName(params));
      const after = lastEventId(request, query.after);
      process.output.assertReadable(after);
      async function* read(signal: AbortSignal): AsyncGenerator<ProcessEvent> {
        for await (const report of process.output.read(after, signal)) yield toOutputEvent(report, query.encoding);
        yield { type: 'exit', process: toVmProcess(params.id, process) };
      }
      const untyped = reply as unknown as FastifyReply;
      if (wantsLines(request)) {
        reply.type('application/x-ndjson; charset=utf-8').header('x-accel-buffering', 'no');
        return reply.send(Readable.from(toLines(read(requestSignal(untyped)))));
      }
      await streamEvents(untyped, async function* (signal) {
        for await (const event of read(signal))
          yield {
            id: event.type === 'exit' ? event.process.next_offset : event.next_offset,
            event: event.type,
            data: event,
          };
      });
      return reply;
    },
  });
}

function addOrderRoutes(app: HttpServer, { processes }: VmService): void {
  app.route({
    method: 'POST',
    url: `${item}/signal`,
    schema: {
      summary: 'Send a signal to a process, or to its whole tree',
      tags,
      params: ProcessPath,
      body: SignalRequest,
      response: { 200: VmProcess },
    },
    handler: async ({ params, body }) => {
      const process = await processes.running(toName(params));
      await process.signal(constants.signals[body.signal], body.tree);
      return toVmProcess(params.id, process);
    },
  });
  app.route({
    method: 'POST',
    url: `${item}/stdin`,
    bodyLimit,
    schema: {
      summary: 'Write to the standard input of a process, or close it',
      description: 'The process must have been started with keep_stdin. Answers when the data is in its pipe.',
      tags,
      params: ProcessPath,
      body: StdinRequest,
      response: { 200: StdinAnswer },
    },
    handler: async ({ params, body }, reply) => {
      const data = toBytes(body.data, body.encoding);
      const process = await processes.running(toName(params));
      await process.write(data, body.end, requestSignal(reply));
      return { bytes: data.length };
    },
  });
  app.route({
    method: 'DELETE',
    url: item,
    schema: {
      summary: 'Kill a process with all that it started',
      description: 'Answers when nothing of it is left. A process that has ended is shown as it is.',
      tags,
      params: ProcessPath,
      response: { 200: VmProcess },
    },
    handler: async ({ params }) => toVmProcess(params.id, await processes.kill(toName(params))),
  });
}

function addResizeRoute(app: HttpServer, { processes }: VmService): void {
  app.route({
    method: 'POST',
    url: `${item}/resize`,
    schema: {
      summary: 'Change the size of the terminal of a process',
      description: 'The process must have been started with pty. The program in the foreground is told by SIGWINCH.',
      tags,
      params: ProcessPath,
      body: TerminalSize,
      response: { 200: VmProcess },
    },
    handler: async ({ params, body }) => {
      const process = await processes.running(toName(params));
      await process.resize(body);
      return toVmProcess(params.id, process);
    },
  });
}
