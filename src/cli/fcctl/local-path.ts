import { BigboxError } from '../../contracts/errors.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is nothing of this name',
  ENOTDIR: 'a part of it is no folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EEXIST: 'something of this name is there',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'the disk is full',
  EISDIR: 'it is a folder; -r copies folders',
};

/** Reports what the system says of a path of this machine as a mistake in the command line, which it mostly is. Throws WRONG_USAGE. */
export async function explainLocal<TValue>(path: string, work: () => Promise<TValue>): Promise<TValue> {
  try {
    return await work();
  } catch (error) {
    const { code, path: told, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    const which = told ?? path;
    throw new BigboxError('WRONG_USAGE', {
      message: `${which} cannot be used: ${reasons[code] ?? code}.`,
      context: { path: which, code },
      remedy: 'Correct the path.',
      cause: error,
    });
  }
}
