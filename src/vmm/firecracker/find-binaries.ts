import { access, constants, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

/** Firecracker and the jailer of the same release; absolute paths without links. */
export interface FirecrackerBinaries {
  readonly binary: string;
  readonly jailer: string;
}

export interface WhereToLook {
  /** A path that the configuration or FIRECRACKER_PATH names; nothing else is tried then. */
  readonly named?: string | undefined;
  /** The variable PATH. */
  readonly searchPath: string;
  /** Where Bigbox keeps releases that it fetched. */
  readonly cacheDir: string;
}

/** Finds Firecracker with its jailer beside it; undefined where there is none. */
export async function findFirecracker({
  named,
  searchPath,
  cacheDir,
}: WhereToLook): Promise<FirecrackerBinaries | undefined> {
  const directories = [...searchPath.split(delimiter).filter((path) => path !== ''), join(cacheDir, 'firecracker')];
  const candidates = named === undefined ? directories.map((path) => join(path, 'firecracker')) : [named];
  for (const candidate of candidates) {
    const binary = await toExecutable(candidate);
    const jailer = binary === undefined ? undefined : await findJailer(candidate, binary);
    if (binary !== undefined && jailer !== undefined) return { binary, jailer };
  }
  return undefined;
}

/** Beside the name that was found, or beside the file that it leads to. */
async function findJailer(candidate: string, binary: string): Promise<string | undefined> {
  return (
    (await toExecutable(join(dirname(candidate), 'jailer'))) ?? (await toExecutable(join(dirname(binary), 'jailer')))
  );
}

async function toExecutable(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK);
    return await realpath(path);
  } catch {
    return undefined;
  }
}
