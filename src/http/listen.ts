import { BigboxError } from '../contracts/errors.ts';
import type { HttpServer } from './types.ts';

export interface ListenOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** Starts to listen and gives the address, like `http://127.0.0.1:3000`. Throws PORT_IN_USE. */
export async function listen(app: HttpServer, { port, host = '127.0.0.1' }: ListenOptions): Promise<string> {
  try {
    return await app.listen({ port, host });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new BigboxError('PORT_IN_USE', {
      message: `Port ${port} of ${host} is taken by another program.`,
      context: { port, host },
      cause: error,
    });
  }
}
