import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { BigboxError } from '../contracts/errors.ts';
import type { Principal } from '../contracts/principal.ts';
import type { Logger } from '../lib/log.ts';

/** A Fastify instance whose routes are typed by their zod schemas. */
export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/**
 * Says who makes a request; undefined where it carries no valid proof. Called after the Host and Origin checks, on every
 * route that is not `config: { open: true }`.
 */
export type Authenticate = (request: FastifyRequest) => Promise<Principal | undefined>;

export interface HttpServerOptions {
  /** Name in logs, like `terraphim-server`. */
  readonly service: string;
  readonly title: string;
  readonly description: string;
  readonly logger: Logger;
  readonly authenticate: Authenticate;
  /** Further names that the server answers to: `host` (any port) or `host:port`. Loopback names with its own port always work. */
  readonly allowedHosts?: readonly string[];
  /** Origins of web pages that may call the server beside its own, like `http://localhost:5173`. */
  readonly allowedOrigins?: readonly string[];
  /** Default 1 MiB. */
  readonly bodyLimitBytes?: number;
  /** Bodies of errors in another form than the registry's, for faces that imitate another API. */
  readonly formatError?: (error: BigboxError, requestId: string) => unknown;
  /** Whether to serve `/api/openapi.json` and `/api/docs`. Default true. */
  readonly documentation?: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who makes the request; undefined on open routes. */
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** The route needs no proof of who calls. */
    open?: boolean;
    /** The route answers with a static page: a link on another site may lead to it. */
    page?: boolean;
    /** Its address is the proof of who calls: pages of every origin may use it, and nothing else than it. */
    anyOrigin?: boolean;
  }
}
