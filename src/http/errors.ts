import type { FastifyReply, FastifyRequest } from 'fastify';
import { BigboxError, type ErrorCode, toBigboxError, toErrorBody } from '../contracts/errors.ts';

interface FrameworkError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
}

const frameworkCodes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'The content type of the body is not application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'The body is larger than this route takes.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['INVALID_REQUEST', 'The body does not have the length that the header says.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['INVALID_JSON', 'The body is not valid JSON.'],
  FST_ERR_BAD_URL: ['INVALID_REQUEST', 'The path is not a valid URL path.'],
  FST_ERR_MAX_LIMIT_EXCEEDED: ['LIMIT_EXCEEDED', 'There are too many requests.'],
};

/** Turns what a route or the framework threw into an error of the registry. Unknown faults become INTERNAL without their text. */
export function toRegistryError(thrown: unknown): BigboxError {
  if (thrown instanceof BigboxError) return thrown;
  if (typeof thrown !== 'object' || thrown === null) return toBigboxError(thrown);
  const { code, statusCode } = thrown as FrameworkError;
  const known = typeof code === 'string' ? frameworkCodes[code] : undefined;
  if (known !== undefined) return new BigboxError(known[0], { message: known[1], cause: thrown });
  if (thrown instanceof SyntaxError && statusCode === 400)
    return new BigboxError('INVALID_JSON', { message: 'The body is not valid JSON.', cause: thrown });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new BigboxError('INVALID_REQUEST', { message: 'The request cannot be read.', cause: thrown });
  return toBigboxError(thrown);
}

/** Writes errors as answers: one place that decides status, headers and body. */
export type ErrorResponder = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Creates the responder; `formatError` gives bodies another form than the registry's. */
export function createErrorResponder(
  formatError: (error: BigboxError, requestId: string) => unknown = toErrorBody,
): ErrorResponder {
  return (thrown, request, reply) => {
    const error = toRegistryError(thrown);
    if (reply.raw.destroyed) request.log.debug('The client left before its answer.');
    else if (error.status >= 500) request.log.error({ err: thrown, code: error.code }, error.message);
    else request.log.debug({ code: error.code }, error.message);
    if (error.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer');
    if (error.retry === 'later') reply.header('retry-after', '1');
    return reply
      .code(error.status)
      .type('application/json; charset=utf-8')
      .serializer((body: unknown) => JSON.stringify(body))
      .send(formatError(error, request.id));
  };
}
