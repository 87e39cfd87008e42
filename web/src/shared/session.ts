import type { ErrorBody } from '../../../src/contracts/errors.ts';
import { ApiError, logIn } from './api.ts';

let refusal: ErrorBody | undefined;

/**
 * Exchanges the token of `#login=...` for a session and takes it out of the address, so that neither history nor a copied
 * link keeps it. A refused token is remembered for the signed-out page; without a connection the page itself says so.
 */
export async function takeLoginToken(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('login');
  if (token === null) return;
  history.replaceState(history.state, '', location.pathname + location.search);
  try {
    await logIn(token);
  } catch (error) {
    if (error instanceof ApiError) refusal = error.body;
  }
}

/** Why the login link of this page was refused, if it was. */
export const loginRefusal = (): ErrorBody | undefined => refusal;
