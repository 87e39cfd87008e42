import { constants } from 'node:os';
import type { WebSocket } from '@fastify/websocket';
import { z } from 'zod';
import { BigboxError, toBigboxError, toErrorBody } from '../../contracts/errors.ts';
import { AttachOrder, AttachQuery, type AttachReport } from '../../contracts/processes.ts';
import type { HttpServer } from '../../http/index.ts';
import type { GuestProcess, VmService } from '../../vm/index.ts';
import { toVmProcess } from './process-view.ts';

const AttachPath = z.object({ id: z.string().max(64), pid: z.string().max(64) });
const normalClosure = 1000;

interface Attachment {
  readonly service: VmService;
  readonly socket: WebSocket;
  readonly process: GuestProcess;
  readonly vmId: string;
  readonly signal: AbortSignal;
}

/** Resolves when the connection has taken it, so that a slow reader holds only itself up. */
const sendFrame = ({ socket }: Attachment, data: string | Uint8Array): Promise<void> =>
  new Promise((resolve) => socket.send(data, { binary: typeof data !== 'string' }, () => resolve()));

const report = (attachment: Attachment, message: AttachReport): Promise<void> =>
  sendFrame(attachment, JSON.stringify(message));

async function sendOutput(attachment: Attachment, after: number): Promise<void> {
  const { process, vmId, signal, socket } = attachment;
  await report(attachment, { type: 'attached', offset: after, process: toVmProcess(vmId, process) });
  for await (const part of process.output.read(after, signal)) {
    if (part.type === 'output') await sendFrame(attachment, part.data);
    else await report(attachment, { type: 'dropped', offset: part.offset, next_offset: part.end });
  }
  await report(attachment, { type: 'exit', process: toVmProcess(vmId, process) });
  socket.close(normalClosure);
}

async function obey(attachment: Attachment, order: AttachOrder): Promise<void> {
  const { process, signal } = attachment;
  if (order.type === 'resize') await process.resize({ cols: order.cols, rows: order.rows });
  else if (order.type === 'signal') await process.signal(constants.signals[order.signal], false);
  else await process.write(new Uint8Array(), true, signal);
}

const toOrder = (text: string): AttachOrder => {
  try {
    return AttachOrder.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new BigboxError('INVALID_REQUEST', { message: `The frame cannot be read: ${reason}`, cause });
  }
};

async function takeFrame(attachment: Attachment, data: Buffer, isBinary: boolean): Promise<void> {
  const { service, process, vmId, signal } = attachment;
  try {
    const order = isBinary ? undefined : toOrder(data.toString('utf8'));
    await service.processes.running({ vmId, processId: process.id });
    await (order === undefined ? process.write(data, false, signal) : obey(attachment, order));
  } catch (error) {
    // A key that is pressed while the program ends is answered by its exit.
    if (signal.aborted || process.end !== undefined) return;
    await report(attachment, { type: 'error', error: toErrorBody(toBigboxError(error)) });
  }
}

/** Takes frames one after the other; nothing more is read from the client before the program has taken what came. */
function takeFrames(attachment: Attachment): void {
  let taken = Promise.resolve();
  attachment.socket.on('message', (data: Buffer, isBinary: boolean) => {
    attachment.socket.pause();
    taken = taken.then(() => takeFrame(attachment, data, isBinary)).finally(() => attachment.socket.resume());
  });
}

/** Adds the WebSocket of one process: its output from an offset on, and its input. The process outlives the connection. */
export function addAttachRoute(app: HttpServer, service: VmService): void {
  app.get(
    '/api/v1/vms/:id/processes/:pid/attach',
    {
      websocket: true,
      schema: { params: AttachPath, querystring: AttachQuery, hide: true },
      preValidation: async (request) => {
        const { id, pid } = AttachPath.parse(request.params);
        const process = service.processes.get({ vmId: id, processId: pid });
        const { data } = AttachQuery.safeParse(request.query);
        process.output.assertReadable(data?.after ?? process.output.first);
      },
    },
    (socket, { params: { id, pid }, query }) => {
      const process = service.processes.get({ vmId: id, processId: pid });
      const left = new AbortController();
      const attachment: Attachment = { service, socket, process, vmId: id, signal: left.signal };
      socket.on('close', () => left.abort());
      socket.on('error', () => left.abort());
      takeFrames(attachment);
      sendOutput(attachment, query.after ?? process.output.first).catch((error: unknown) => {
        if (!left.signal.aborted) app.log.warn({ err: error, vm_id: id, process_id: pid }, 'an attachment broke off');
        socket.terminate();
      });
    },
  );
}
