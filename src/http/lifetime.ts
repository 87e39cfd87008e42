import type { FastifyReply } from 'fastify';
import { BigboxError } from '../contracts/errors.ts';

const closing = new WeakMap<object, AbortController>();
const signals = new WeakMap<object, AbortSignal>();

interface HookHolder {
  readonly server: object;
  addHook(name: 'preClose', hook: (done: () => void) => void): unknown;
}

/** Starts to remember whether the server is closing; gives the question. Long answers end when it does. */
export function rememberClosing(app: HookHolder): () => boolean {
  const controller = new AbortController();
  closing.set(app.server, controller);
  app.addHook('preClose', (done) => {
    controller.abort(new BigboxError('SHUTTING_DOWN', { message: 'The server is stopping.' }));
    done();
  });
  return () => controller.signal.aborted;
}

/**
 * A signal that aborts when the client has left before its answer was complete, or, with SHUTTING_DOWN as its reason, when the
 * server closes. Fastify's own signal ends with the request's body and on hijacked answers, so it cannot serve here.
 */
export function requestSignal(reply: FastifyReply): AbortSignal {
  const known = signals.get(reply.raw);
  if (known !== undefined) return known;
  const controller = new AbortController();
  const ofServer = closing.get(reply.server.server)?.signal;
  const onServerClose = (): void => controller.abort(ofServer?.reason);
  if (ofServer?.aborted === true) onServerClose();
  ofServer?.addEventListener('abort', onServerClose, { once: true });
  reply.raw.once('close', () => {
    ofServer?.removeEventListener('abort', onServerClose);
    if (!reply.raw.writableFinished) controller.abort();
  });
  signals.set(reply.raw, controller.signal);
  return controller.signal;
}
