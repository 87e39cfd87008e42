import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BigboxError } from '../../contracts/errors.ts';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import type { AgentApiOptions } from './options.ts';

/** What the pages ask the VM service for. */
const bases = ['/api/v1/vms', '/api/v1/snapshots', '/api/vm-pool'] as const;
const passedOn = ['content-type', 'location', 'retry-after', 'allow', 'content-disposition'] as const;

/** Throws NOT_FOUND when dots in the path would lead out of the part that is passed on. */
function toTarget(url: string, vmServiceUrl: string): URL {
  const target = new URL(url, vmServiceUrl);
  const isInside = bases.some((base) => target.pathname === base || target.pathname.startsWith(`${base}/`));
  if (isInside && target.origin === new URL(vmServiceUrl).origin) return target;
  throw new BigboxError('NOT_FOUND', { message: 'There is nothing at this path.' });
}

const repeatHeaders = ['last-event-id', 'idempotency-key'] as const;

/** What a client that asks again says of its first time. */
const toRepeatHeaders = ({ headers }: FastifyRequest): Readonly<Record<string, string>> =>
  Object.fromEntries(
    repeatHeaders.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );

async function passOn(
  request: FastifyRequest,
  reply: FastifyReply,
  vmService: AgentApiOptions['vmService'],
): Promise<FastifyReply> {
  const target = toTarget(request.url, vmService.url);
  const signal = requestSignal(reply);
  let response: Response;
  try {
    response = await fetch(target, {
      method: request.method,
      headers: {
        authorization: `Bearer ${vmService.serviceKey}`,
        accept: request.headers.accept ?? 'application/json',
        ...toRepeatHeaders(request),
        ...(request.body === undefined || request.body === null ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined || request.body === null ? {} : { body: JSON.stringify(request.body) }),
      redirect: 'manual',
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new BigboxError('VM_UNAVAILABLE', { message: 'The VM service does not answer.', cause: error });
  }
  reply.code(response.status);
  for (const name of passedOn) {
    const value = response.headers.get(name);
    if (value !== null) reply.header(name, value);
  }
  if (response.body === null) return reply.send();
  return reply.send(Readable.fromWeb(response.body as ReadableStream));
}

/** Adds the VM routes of the pages: the VM service behind them is asked in the name of this server. */
export function addVmProxy(app: HttpServer, { vmService }: AgentApiOptions): void {
  for (const url of bases.flatMap((base) => [base, `${base}/*`]))
    app.route({
      method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      url,
      // Files of a VM are written through here.
      bodyLimit: 24 * 1024 * 1024,
      schema: { hide: true },
      handler: (request, reply) => passOn(request, reply as unknown as FastifyReply, vmService),
    });
}
