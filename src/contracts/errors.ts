import { z } from 'zod';
import { type ErrorCode, type Retry, errorDefinitions } from './error-registry.ts';

export { errorDefinitions };
export type { ErrorCode };

/** Facts about one error that help to find its cause: names, paths, limits, values. Never a secret. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;

export interface ErrorDetails {
  /** What failed, with which value, what was expected: one or two sentences, without what to do. */
  readonly message: string;
  readonly context?: ErrorContext;
  readonly cause?: unknown;
  /** Replaces the general advice where better is known. */
  readonly remedy?: string;
}

/** The one error class that leaves a module. Bugs stay plain errors and are answered as INTERNAL. */
export class BigboxError extends Error {
  override readonly name = 'BigboxError';
  readonly code: ErrorCode;
  readonly context: ErrorContext;
  readonly remedy: string;

  constructor(code: ErrorCode, details: ErrorDetails) {
    super(details.message, { cause: details.cause });
    this.code = code;
    this.context = details.context ?? {};
    this.remedy = details.remedy ?? errorDefinitions[code].remedy;
  }

  get status(): number {
    return errorDefinitions[this.code].status;
  }

  get retry(): Retry {
    return errorDefinitions[this.code].retry;
  }
}

/** The body of every error answer, and the error field of events. A superset of upstream's error body. */
export const ErrorBody = z.object({
  status: z.literal('error'),
  code: z.enum(Object.keys(errorDefinitions) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  remedy: z.string(),
  retry: z.enum(['never', 'later', 'changed']),
  /** Upstream's name for `retry` other than never. */
  recoverable: z.boolean(),
  context: z.record(z.string(), z.unknown()),
  request_id: z.string().optional(),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

/** Turns anything thrown into an error of the registry; what is not one of ours becomes INTERNAL, its text kept as cause only. */
export function toBigboxError(thrown: unknown): BigboxError {
  if (thrown instanceof BigboxError) return thrown;
  return new BigboxError('INTERNAL', { message: 'The request met a fault inside Bigbox.', cause: thrown });
}

/** Writes an error as the body that clients receive. */
export function toErrorBody(error: BigboxError, requestId?: string): ErrorBody {
  return {
    status: 'error',
    code: error.code,
    message: error.message,
    remedy: error.remedy,
    retry: error.retry,
    recoverable: error.retry !== 'never',
    context: { ...error.context },
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}

/** Restores an error from a body that another of our processes sent. Throws nothing: an unknown body becomes INTERNAL. */
export function fromErrorBody(body: unknown): BigboxError {
  const parsed = ErrorBody.safeParse(body);
  if (!parsed.success)
    return new BigboxError('INTERNAL', { message: 'Another service answered with an unknown error.' });
  const { code, message, remedy, context } = parsed.data;
  return new BigboxError(code, { message, remedy, context: context as ErrorContext });
}
