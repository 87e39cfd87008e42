import { type Environment, processEnvironment } from '../../config/index.ts';
import { BigboxError, type ErrorCode } from '../../contracts/errors.ts';
import { type ConnectionOptions, type VmClient, createVmClient } from '../../sdk/index.ts';
import { type InstanceFlags, configurationOf, keyOf, requireRunning } from '../instance.ts';
import { interruptible } from '../interruption.ts';
import { formatError } from '../output/error.ts';

/**
 * Finds the VM service that is meant: FCCTL_URL with FCCTL_KEY, or the running instance; a flag that names an instance wins.
 * Throws CONFIG_INVALID, CONFIG_UNREADABLE, SERVICE_NOT_RUNNING.
 */
export async function connectionOf(
  flags: InstanceFlags,
  environment: Environment = processEnvironment(),
): Promise<ConnectionOptions> {
  const { FCCTL_URL: url = '', FCCTL_KEY: key = '' } = environment;
  if (namesUrl(flags, environment)) return { baseUrl: toBaseUrl(url), ...(key === '' ? {} : { key }) };
  const configuration = configurationOf(flags);
  const { vmUrl } = await requireRunning(configuration);
  return { baseUrl: vmUrl, key: await keyOf(configuration) };
}

const namesUrl = ({ dataDir, config }: InstanceFlags, environment: Environment): boolean =>
  (environment['FCCTL_URL'] ?? '') !== '' && dataDir === undefined && config === undefined;

function toBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.origin;
  throw new BigboxError('CONFIG_INVALID', {
    message: `FCCTL_URL is ${JSON.stringify(text)}, expected an address like http://127.0.0.1:8080.`,
    remedy: 'Correct it, or unset it to use the Bigbox of this machine.',
  });
}

/** Advice of the registry is written for callers of the API; these are the same steps on this command line. */
const remedies: Partial<Record<ErrorCode, string>> = {
  INVALID_REQUEST: 'Correct what it names; --help shows what the command takes.',
  VM_NOT_FOUND: 'fcctl vm list shows those that there are.',
  PROCESS_NOT_FOUND: 'fcctl vm ps shows those that there are.',
  VM_SNAPSHOT_NOT_FOUND: 'fcctl snapshot list shows those that there are.',
  VM_TEMPLATE_UNKNOWN: 'Use one of these names; fcctl image ls shows them.',
  VM_UNAVAILABLE: 'fcctl pool show may name the cause.',
  EXECUTION_TIMEOUT: 'Make it faster, or give it more time with --timeout.',
  UNAUTHENTICATED: 'Set FCCTL_KEY to a key that bigbox key create prints where the service runs.',
};

function withOwnRemedy(error: unknown, flags: InstanceFlags): unknown {
  if (!(error instanceof BigboxError)) return error;
  const hasNoAnswer = error.code === 'SERVICE_NOT_RUNNING' && error.context['url'] !== undefined;
  const isFar = hasNoAnswer && namesUrl(flags, processEnvironment());
  const remedy = isFar ? 'Check FCCTL_URL, and that Bigbox runs there.' : remedies[error.code];
  if (remedy === undefined) return error;
  const { code, message, context, cause } = error;
  return new BigboxError(code, { message, context, remedy, cause });
}

/**
 * Runs the work of a command with a client of the VM service that is meant; Ctrl-C aborts it. Throws Interrupted and what the service
 * says; of several errors it prints all and throws the last.
 */
export async function withVmService<TResult>(
  flags: InstanceFlags,
  work: (client: VmClient, signal: AbortSignal, connection: ConnectionOptions) => Promise<TResult>,
): Promise<TResult> {
  const connection = await connectionOf(flags);
  try {
    return await interruptible((signal) => work(createVmClient(connection), signal, connection));
  } catch (error) {
    const errors = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [error];
    const own = errors.map((one) => withOwnRemedy(one, flags));
    for (const earlier of own.slice(0, -1)) process.stderr.write(formatError(earlier, { debug: false }));
    throw own.at(-1);
  }
}
