import { z } from 'zod';
import { Domain, Perspective } from '../../../src/contracts/analysis.ts';
import { ApprovalList } from '../../../src/contracts/approvals.ts';
import { ErrorBody } from '../../../src/contracts/errors.ts';
import { SystemStatus } from '../../../src/contracts/health.ts';
import { type ParallelRequest, RunStatus, WorkflowCard } from '../../../src/contracts/runs.ts';

// Zod would otherwise try to compile code, which the page's policy reports as a violation.
z.config({ jitless: true });

/** The server answered with an error of the registry. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly body: ErrorBody;

  constructor(body: ErrorBody) {
    super(body.message);
    this.body = body;
  }
}

/** The server could not be reached, or something between answered in its place. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** `GET /api/v1/catalog`: what can be asked for. */
export const Catalog = z.object({
  workflows: z.array(WorkflowCard),
  perspectives: z.array(Perspective),
  domains: z.array(Domain),
});
export type Catalog = z.infer<typeof Catalog>;

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: 'same-origin', ...init });
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw new ConnectionLost('The server does not answer.', { cause });
  }
}

async function toError(response: Response): Promise<Error> {
  const body = ErrorBody.safeParse(await response.json().catch(() => undefined));
  if (body.success) return new ApiError(body.data);
  return new ConnectionLost(`Something other than Bigbox answered with status ${response.status}.`);
}

/** Sends one request and reads the answer by its schema. Throws ApiError, ConnectionLost; so do all functions that use it. */
export async function request<TSchema extends z.ZodType>(
  schema: TSchema,
  path: string,
  init: RequestInit = {},
): Promise<z.infer<TSchema>> {
  const response = await send(path, init);
  if (!response.ok) throw await toError(response);
  return schema.parse(await response.json());
}

/** A POST with a body of JSON. */
export const asJson = (body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

/** Reads what can be asked for. Throws ApiError, ConnectionLost; so do all functions here. */
export const readCatalog = (signal: AbortSignal) => request(Catalog, '/api/v1/catalog', { signal });

/** Reads the last approvals, the latest first. */
export const readApprovals = async (signal: AbortSignal) =>
  (await request(ApprovalList, '/api/v1/approvals', { signal })).approvals;

/** Reads the state of model and VMs. */
export const readSystem = (signal: AbortSignal) => request(SystemStatus, '/api/v1/system', { signal });

/** Reads the runs, newest first. */
export const readRuns = (signal: AbortSignal) => request(z.array(RunStatus), '/api/workflows', { signal });

/** Reads one run with its result. */
export const readRun = (id: string, signal?: AbortSignal) =>
  request(RunStatus, `/api/workflows/${encodeURIComponent(id)}/status`, signal === undefined ? {} : { signal });

/** Starts a run and gives its id at once. */
export async function startRun(body: ParallelRequest): Promise<string> {
  const answer = await request(
    z.object({ workflow_id: z.string() }),
    '/api/workflows/parallel',
    asJson(body, { prefer: 'respond-async', 'idempotency-key': crypto.randomUUID() }),
  );
  return answer.workflow_id;
}

/** Stops a run. */
export const cancelRun = (id: string) =>
  request(z.unknown(), `/api/workflows/${encodeURIComponent(id)}/cancel`, asJson({}));

/** Exchanges the token of a login link for a session cookie. */
export async function logIn(token: string): Promise<void> {
  const response = await send('/api/v1/login', asJson({ token }));
  if (!response.ok) throw await toError(response);
}

/** Where a run can be fetched as a file. */
export const exportUrl = (id: string, format: 'markdown' | 'json'): string =>
  `/api/workflows/${encodeURIComponent(id)}/export?format=${format}`;

/** Where the events of a run stream from. */
export const eventsUrl = (id: string, after: number): string =>
  `/api/workflows/${encodeURIComponent(id)}/events?after=${after}`;
