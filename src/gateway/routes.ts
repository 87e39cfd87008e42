import { z } from 'zod';
import {
  ApiKey,
  CreateKeyRequest,
  CreatedKey,
  LoginAnswer,
  LoginLink,
  LoginRequest,
  VerifyAnswer,
  VerifyRequest,
} from '../contracts/access.ts';
import { BigboxError } from '../contracts/errors.ts';
import { type HttpServer, principalOf } from '../http/index.ts';
import type { ApiKeyRecord } from '../store/index.ts';
import { addApprovalRoutes } from './approval-routes.ts';
import { createSecret } from './credentials.ts';
import type { Gateway } from './gateway.ts';
import { requireAccessManager, requireService } from './policy.ts';
import { cookieMaxAgeSeconds } from './sessions.ts';

const Done = z.object({ status: z.literal('success') });
const tags = ['access'];
const cookieOptions = { path: '/', httpOnly: true, sameSite: 'strict' } as const;

const toText = (time: number): string => new Date(time).toISOString();
const toApiKey = (record: ApiKeyRecord): ApiKey => ({
  id: record.id,
  name: record.name,
  created_at: toText(record.createdAt),
  ...(record.lastUsedAt === undefined ? {} : { last_used_at: toText(record.lastUsedAt) }),
  ...(record.revokedAt === undefined ? {} : { revoked_at: toText(record.revokedAt) }),
});

/** Adds the routes by which people and programs get in and out. */
export function addGatewayRoutes(app: HttpServer, gateway: Gateway): void {
  addLoginRoutes(app, gateway);
  addKeyRoutes(app, gateway);
  addApprovalRoutes(app, gateway.approvals);
  app.post(
    '/api/v1/auth/verify',
    {
      schema: {
        tags,
        summary: 'Say who holds a key or session (own processes only)',
        body: VerifyRequest,
        response: { 200: VerifyAnswer },
      },
    },
    async (request) => {
      requireService(principalOf(request));
      return { principal: (await gateway.findPrincipal(request.body)) ?? null };
    },
  );
}

function addLoginRoutes(app: HttpServer, gateway: Gateway): void {
  app.post(
    '/api/v1/login',
    {
      config: { open: true },
      schema: {
        tags,
        summary: 'Exchange the token of a login link for a session cookie',
        body: LoginRequest,
        response: { 200: LoginAnswer },
      },
    },
    async (request, reply) => {
      const { secret, expiresAt } = await gateway.logIn(request.body.token, request.ip);
      reply.setCookie(gateway.cookieName, secret, { ...cookieOptions, maxAge: cookieMaxAgeSeconds });
      return { status: 'success', expires_at: toText(expiresAt) } as const;
    },
  );
  app.post(
    '/api/v1/logout',
    { schema: { tags, summary: 'End the session of this browser', response: { 200: Done } } },
    async (request, reply) => {
      const secret = request.cookies[gateway.cookieName];
      if (secret !== undefined) await gateway.sessions.end(secret);
      reply.clearCookie(gateway.cookieName, cookieOptions);
      return { status: 'success' } as const;
    },
  );
  app.post(
    '/api/v1/login-links',
    { schema: { tags, summary: 'Make a link that logs in once, within ten minutes', response: { 200: LoginLink } } },
    async (request) => {
      requireAccessManager(principalOf(request));
      return gateway.createLoginLink();
    },
  );
}

function addKeyRoutes(app: HttpServer, { apiKeys, clock }: Gateway): void {
  app.post(
    '/api/v1/keys',
    {
      schema: {
        tags,
        summary: 'Create an API key; the answer is the only one that shows it',
        body: CreateKeyRequest,
        response: { 200: CreatedKey },
      },
    },
    async (request) => {
      requireAccessManager(principalOf(request));
      const key = createSecret('bb_');
      const record = await apiKeys.create({ secret: key, name: request.body.name, now: clock.now() });
      return { ...toApiKey(record), key };
    },
  );
  app.get(
    '/api/v1/keys',
    { schema: { tags, summary: 'List the API keys, without the keys themselves', response: { 200: z.array(ApiKey) } } },
    async () => (await apiKeys.list()).map(toApiKey),
  );
  app.delete(
    '/api/v1/keys/:id',
    {
      schema: {
        tags,
        summary: 'Revoke an API key',
        params: z.object({ id: z.string().max(100) }),
        response: { 200: Done },
      },
    },
    async (request) => {
      requireAccessManager(principalOf(request));
      if (await apiKeys.revoke(request.params.id, clock.now())) return { status: 'success' } as const;
      throw new BigboxError('NOT_FOUND', {
        message: `There is no living API key ${request.params.id}.`,
        context: { key: request.params.id },
      });
    },
  );
}
