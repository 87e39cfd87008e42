import type { FastifyRequest } from 'fastify';
import { BigboxError } from '../contracts/errors.ts';
import type { Principal } from '../contracts/principal.ts';

/** Who makes the request. Throws UNAUTHENTICATED on an open route without proof. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal !== undefined) return request.principal;
  throw new BigboxError('UNAUTHENTICATED', { message: 'The request carries no valid session or API key.' });
}
