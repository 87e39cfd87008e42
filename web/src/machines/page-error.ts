import { BigboxError, toErrorBody } from '../../../src/contracts/errors.ts';
import { ApiError, ConnectionLost } from '../shared/api.ts';

/** Gives what the client of our own SDK threw the form that pages show. */
export function toPageError(thrown: unknown): Error {
  if (thrown instanceof BigboxError)
    return thrown.code === 'SERVICE_NOT_RUNNING'
      ? new ConnectionLost(thrown.message, { cause: thrown })
      : new ApiError(toErrorBody(thrown));
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
