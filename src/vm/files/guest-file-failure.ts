import { Code, ConnectError } from '@connectrpc/connect';
import { BigboxError } from '../../contracts/errors.ts';

/** Does something with a file of a guest. Throws GUEST_FILE_ERROR where the guest refuses, GUEST_UNREACHABLE where it is gone. */
export async function explain<TValue>(path: string, work: () => Promise<TValue>): Promise<TValue> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BigboxError) throw error;
    const { code, rawMessage } = ConnectError.from(error);
    const isLost = code === Code.Unavailable || code === Code.Aborted || code === Code.Internal;
    throw new BigboxError(isLost ? 'GUEST_UNREACHABLE' : 'GUEST_FILE_ERROR', {
      message: `${path}: ${rawMessage}.`,
      context: { path, reason: Code[code] },
      cause: error,
    });
  }
}
