import { z } from 'zod';
import { type RunId, toRunId } from '../../contracts/ids.ts';
import { ParallelRequest, ParallelResponse, RunState, RunStatus, RunTrace } from '../../contracts/runs.ts';
import { mayNameModelAddress } from '../../gateway/index.ts';
import { type HttpServer, lastEventId, principalOf, requestSignal, streamEvents } from '../../http/index.ts';
import type { Runs } from '../../workflows/index.ts';
import { toMarkdown } from './markdown.ts';

const tags = ['workflows'];
const Id = z.object({ id: z.string().min(1).max(100) });
const Page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z.string().max(100).optional(),
});
const After = z.object({ after: z.coerce.number().int().min(0).default(0) });
const Export = z.object({ format: z.enum(['markdown', 'json']).default('markdown') });
const StartBody = ParallelRequest.extend({
  async: z.boolean().optional().describe('Answer with the id at once, like the header "Prefer: respond-async"'),
});
const StartHeaders = z.object({
  prefer: z.string().max(200).optional(),
  'idempotency-key': z.string().min(1).max(200).optional(),
});

/** The answer to a run that was accepted and goes on. */
const Accepted = z.object({ workflow_id: z.string(), status: RunState, joined: z.boolean() });

const wantsId = (prefer: string | undefined): boolean =>
  prefer?.split(',').some((wish) => wish.trim().toLowerCase() === 'respond-async') ?? false;

function toResponse(status: RunStatus): ParallelResponse {
  const { id, result, error, error_detail: detail } = status;
  return {
    workflow_id: id,
    success: status.status === 'completed',
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
    ...(detail === undefined ? {} : { error_detail: detail }),
    metadata: {
      execution_time_ms: Math.max(
        0,
        Date.parse(status.completed_at ?? status.started_at) - Date.parse(status.started_at),
      ),
      pattern: 'parallelization',
      steps: status.steps.total,
      role: status.role,
      overall_role: status.overall_role,
    },
  };
}

/** Where a set of run routes stands, and whether the documentation shows it. */
export interface RunRoutesPlace {
  /** Path before `/parallel`, `/:id/trace` and so on. */
  readonly base: string;
  /** Path of one run's state below `base/:id`. */
  readonly status: '/status' | '';
  readonly hide: boolean;
}

/** Adds the routes that start, show and stop runs. */
export function addRunRoutes(app: HttpServer, runs: Runs, place: RunRoutesPlace): void {
  addStartRoute(app, runs, place);
  addReadRoutes(app, runs, place);
  addEventRoute(app, runs, place);
  addExportRoute(app, runs, place);
}

function addStartRoute(app: HttpServer, runs: Runs, { base, hide }: RunRoutesPlace): void {
  app.post(
    `${base}/parallel`,
    {
      schema: {
        tags,
        hide,
        summary: 'Analyse a topic from several perspectives at once',
        description:
          'Answers when the run has ended; with "Prefer: respond-async" or async: true at once, with the id and 202. The run goes on when the client leaves. The same body sent again within 30 seconds joins the run in progress; with an Idempotency-Key, within a day.',
        headers: StartHeaders,
        body: StartBody,
        response: { 200: ParallelResponse, 202: Accepted },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { async: isAsync, ...body } = request.body;
      const key = request.headers['idempotency-key'];
      const { id, joined } = await runs.start(body, {
        principal,
        mayNameAddress: mayNameModelAddress(principal),
        ...(key === undefined ? {} : { idempotencyKey: key }),
      });
      reply.header('location', `${base}/${id}/status`);
      if (isAsync !== true && !wantsId(request.headers.prefer))
        return toResponse(await runs.waitForEnd(id, requestSignal(reply)));
      const { status } = await runs.get(id);
      return reply.code(202).send({ workflow_id: id, status, joined });
    },
  );
}

function addReadRoutes(app: HttpServer, runs: Runs, { base, status, hide }: RunRoutesPlace): void {
  const idOf = (params: z.infer<typeof Id>): RunId => toRunId(params.id);
  app.get(
    base,
    {
      schema: {
        tags,
        hide,
        summary: 'List the runs, newest first, without their results',
        querystring: Page,
        response: { 200: z.array(RunStatus) },
      },
    },
    async ({ query }) => [
      ...(await runs.list({
        limit: query.limit,
        ...(query.before === undefined ? {} : { before: toRunId(query.before) }),
      })),
    ],
  );
  app.get(
    `${base}/:id${status}`,
    { schema: { tags, hide, summary: 'State of a run, with its result', params: Id, response: { 200: RunStatus } } },
    async ({ params }) => runs.get(idOf(params)),
  );
  app.get(
    `${base}/:id/trace`,
    { schema: { tags, hide, summary: 'Steps of a run and their times', params: Id, response: { 200: RunTrace } } },
    async ({ params }) => runs.trace(idOf(params)),
  );
  app.post(
    `${base}/:id/cancel`,
    { schema: { tags, hide, summary: 'Stop a run', params: Id, response: { 200: RunStatus } } },
    async ({ params }) => runs.cancel(idOf(params)),
  );
}

function addEventRoute(app: HttpServer, runs: Runs, { base, hide }: RunRoutesPlace): void {
  app.get(
    `${base}/:id/events`,
    {
      exposeHeadRoute: false,
      schema: {
        tags,
        hide,
        summary: 'Events of a run as server-sent events, first the recorded ones, then live',
        description:
          'The id of each event is its sequence number; ?after=N or Last-Event-ID goes on after it. 204 where nothing will follow.',
        params: Id,
        querystring: After,
      },
    },
    async (request, reply) => {
      const id = toRunId(request.params.id);
      const after = lastEventId(request, request.query.after);
      const { completed_at: end, last_sequence: last } = await runs.get(id);
      if (end !== undefined && after >= last) return reply.code(204).send();
      await streamEvents(reply, async function* read(signal) {
        for await (const event of runs.events(id, { after, signal })) yield { id: event.sequence, data: event };
      });
      return reply;
    },
  );
}

function addExportRoute(app: HttpServer, runs: Runs, { base, hide }: RunRoutesPlace): void {
  app.get(
    `${base}/:id/export`,
    { schema: { tags, hide, summary: 'A run as a file, Markdown or JSON', params: Id, querystring: Export } },
    async (request, reply) => {
      const status = await runs.get(toRunId(request.params.id));
      const isMarkdown = request.query.format === 'markdown';
      const name = `${status.id.replaceAll(/[^\w-]/g, '')}.${isMarkdown ? 'md' : 'json'}`;
      return reply
        .type(isMarkdown ? 'text/markdown; charset=utf-8' : 'application/json; charset=utf-8')
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(isMarkdown ? toMarkdown(status) : `${JSON.stringify(status, null, 2)}\n`);
    },
  );
}
