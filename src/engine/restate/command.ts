import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';

/** A process as a supervisor starts it. The environment is complete: nothing is to be inherited. */
export interface ProcessCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface RestateFiles {
  /** Restate's own directory: its journal and its sockets. Its path must stay below about 80 characters. */
  readonly directory: string;
  /** See `ensureIdentityKey`, which must have run before Restate starts. */
  readonly identityKeyFile: string;
}

const nodeName = 'n1';
/** Linux takes at most this many bytes as the path of a socket. */
const maxSocketPath = 107;

/** Where Restate of this directory listens. */
export const restateSockets = (directory: string): { readonly admin: string; readonly ingress: string } => ({
  admin: join(directory, nodeName, 'admin.sock'),
  ingress: join(directory, nodeName, 'ingress.sock'),
});

/**
 * Says how Restate is started: on unix sockets only, without telemetry, tuned for a small machine. It ends on SIGTERM within five
 * seconds. Throws MACHINE_NOT_SUPPORTED when there is no Restate for this machine, CONFIG_INVALID when the path is too long for sockets.
 */
export function restateCommand(files: RestateFiles): ProcessCommand {
  const longest = restateSockets(files.directory).ingress;
  if (Buffer.byteLength(longest) > maxSocketPath)
    throw new BigboxError('CONFIG_INVALID', {
      message: `The path of a socket, ${longest}, has ${Buffer.byteLength(longest)} bytes; the system takes ${maxSocketPath}.`,
      context: { path: longest },
      remedy: 'Choose a shorter data directory.',
    });
  return {
    file: findBinary(),
    args: ['--no-logo', '--listen-mode', 'unix', '--base-dir', files.directory, '--node-name', nodeName],
    env: {
      DO_NOT_TRACK: '1',
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_WORKER__INVOKER__REQUEST_IDENTITY_PRIVATE_KEY_PEM_FILE: files.identityKeyFile,
      RESTATE_DEFAULT_NUM_PARTITIONS: '2',
      RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE: '128MB',
      RESTATE_SHUTDOWN_TIMEOUT: '5s',
      RESTATE_ADMIN__DISABLE_WEB_UI: 'true',
      // Its look for new releases cannot be switched off, only its complaint when there is no network.
      RESTATE_LOG_FILTER: 'warn,octocrab=off',
      RESTATE_LOG_DISABLE_ANSI_CODES: 'true',
    },
  };
}

function findBinary(): string {
  const platform = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  try {
    const server = createRequire(import.meta.url).resolve('@restatedev/restate-server/package.json');
    return join(dirname(createRequire(server).resolve(`${platform}/package.json`)), 'bin', 'restate-server');
  } catch (error) {
    throw new BigboxError('MACHINE_NOT_SUPPORTED', {
      message: `The package ${platform} is not installed.`,
      context: { package: platform },
      remedy: 'Run bigbox up again; if it is missing then, there is no build of Restate for this machine.',
      cause: error,
    });
  }
}
