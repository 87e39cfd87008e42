import { z } from 'zod';
import { Approval, ApprovalDecision, ApprovalList, ApprovalRequest, ApprovalState } from '../contracts/approvals.ts';
import { type HttpServer, principalOf, requestSignal } from '../http/index.ts';
import type { Approvals } from './approvals.ts';
import { requireApprover, requireService } from './policy.ts';

const tags = ['approvals'];
const params = z.object({ id: z.string().max(100) });
const ListQuery = z.object({
  state: ApprovalState.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
const WaitQuery = z.object({
  wait_seconds: z.coerce.number().min(0).max(30).default(0).describe('How long the answer may wait for the decision'),
});

/** Adds the routes by which code waits for a person's word, and a person gives it. */
export function addApprovalRoutes(app: HttpServer, approvals: Approvals): void {
  addDecisionRoutes(app, approvals);
  const own = 'own processes only';
  app.post(
    '/api/v1/approvals',
    { schema: { tags, summary: `Ask for an approval (${own})`, body: ApprovalRequest, response: { 200: Approval } } },
    async (request) => {
      requireService(principalOf(request));
      return approvals.ask(request.body);
    },
  );
  app.delete(
    '/api/v1/approvals/:id',
    { schema: { tags, summary: `Withdraw a question (${own})`, params, response: { 200: Approval } } },
    async (request) => {
      requireService(principalOf(request));
      return approvals.withdraw(request.params.id);
    },
  );
}

function addDecisionRoutes(app: HttpServer, approvals: Approvals): void {
  app.get(
    '/api/v1/approvals',
    {
      schema: {
        tags,
        summary: 'List approvals, the latest first',
        querystring: ListQuery,
        response: { 200: ApprovalList },
      },
    },
    async (request) => ({ approvals: await approvals.list(request.query) }),
  );
  app.get(
    '/api/v1/approvals/:id',
    { schema: { tags, summary: 'Show an approval', params, querystring: WaitQuery, response: { 200: Approval } } },
    (request, reply) => approvals.wait(request.params.id, request.query.wait_seconds * 1000, requestSignal(reply)),
  );
  app.post(
    '/api/v1/approvals/:id',
    {
      schema: {
        tags,
        summary: 'Approve or reject code that waits',
        description:
          'The code runs, or does not, as soon as this is answered. `code` runs instead of what was asked for.',
        params,
        body: ApprovalDecision,
        response: { 200: Approval },
      },
    },
    async (request) => {
      requireApprover(principalOf(request));
      return approvals.decide(request.params.id, request.body);
    },
  );
}
