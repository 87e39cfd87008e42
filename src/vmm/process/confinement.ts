import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ControlGroups } from './control-group.ts';

const runFile = promisify(execFile);
const namespaces = ['--net', '--ipc', '--uts', '--pid', '--mount', '--fork'];
const machinesPerService = 4096;
/** Above every range that systems hand out, so that a machine's user owns nothing but its own files. */
const firstUserId = 1_900_000_000;
/** For containers, whose user ids end at 65,535. */
const firstUserIdInContainer = 50_000;

/** The walls around a VMM process that can be built here, found by building each once. */
export interface Confinement {
  /** First of the user ids that machines get, one each; undefined where the caller may not change users. */
  readonly firstUserId: number | undefined;
  readonly namespaces: readonly string[] | undefined;
  readonly limits: boolean;
  readonly canForbidPrivileges: boolean;
  readonly groups: ControlGroups | undefined;
  readonly holds: readonly string[];
  readonly missing: readonly string[];
}

/** Finds out what can be had. Throws nothing: a missing wall is reported. */
export async function findConfinement(): Promise<Confinement> {
  const isRoot = process.getuid?.() === 0;
  const drops = isRoot && (await works('setpriv', ['--reuid', '65534', '--clear-groups', 'true']));
  const prefix = isRoot ? [] : ['--user', '--map-current-user'];
  const isolates = await works('unshare', [...prefix, ...namespaces, 'true']);
  const limits = await works('prlimit', ['--core=0', 'true']);
  const canForbidPrivileges = await works('setpriv', ['--no-new-privs', 'true']);
  const groups = await ControlGroups.open();
  const walls: readonly (readonly [boolean, string, string])[] = [
    [drops, 'own user per VM', ownUserMissing(isRoot)],
    [isolates, 'own namespaces', 'VMM processes share the namespaces of this service: unshare is not allowed here.'],
    [canForbidPrivileges, 'no new privileges', 'VMM processes may gain privileges: setpriv (util-linux) is missing.'],
    [limits, 'rlimits', 'VMM processes have no resource limits: prlimit is missing.'],
    [
      groups !== undefined,
      'control group',
      'VMM processes have no memory and process limit: no writable control group.',
    ],
  ];
  return {
    firstUserId: drops ? await chooseUserIds() : undefined,
    namespaces: isolates ? [...prefix, ...namespaces] : undefined,
    limits,
    canForbidPrivileges,
    groups,
    holds: ['seccomp', ...walls.filter(([holds]) => holds).map(([, name]) => name)],
    missing: walls.filter(([holds]) => !holds).map(([, , sentence]) => sentence),
  };
}

/** The user of the machine in this slot. */
export function toUserId(confinement: Confinement, slot: number): number | undefined {
  return confinement.firstUserId === undefined ? undefined : confinement.firstUserId + (slot % machinesPerService);
}

/** Writes the command that builds the walls and then becomes the given one. */
export async function wrap(
  confinement: Confinement,
  userId: number | undefined,
  command: readonly [string, ...string[]],
): Promise<readonly [string, ...string[]]> {
  const inner: string[] = [];
  if (userId !== undefined) {
    inner.push('setpriv', '--reuid', String(userId), '--regid', String(userId), ...(await kvmGroup(command)));
    inner.push('--no-new-privs', '--inh-caps=-all', '--bounding-set=-all', '--');
  } else if (confinement.canForbidPrivileges) inner.push('setpriv', '--no-new-privs', '--');
  if (confinement.limits) inner.push('prlimit', '--core=0', '--nofile=1024', '--memlock=0', '--');
  inner.push(...command);
  const [program, ...rest] = inner;
  if (confinement.namespaces !== undefined) return ['unshare', ...confinement.namespaces, '--', ...inner];
  return [program ?? command[0], ...rest];
}

async function kvmGroup(command: readonly string[]): Promise<readonly string[]> {
  if (!command.includes('kvm')) return ['--clear-groups'];
  return ['--groups', String((await stat('/dev/kvm')).gid)];
}

async function works(program: string, parameters: readonly string[]): Promise<boolean> {
  try {
    await runFile(program, parameters, { timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}

async function chooseUserIds(): Promise<number> {
  const map = await readFile('/proc/self/uid_map', 'utf8').catch(() => '');
  const covers = map.split('\n').some((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return inside !== undefined && count !== undefined && inside + count > firstUserId + machinesPerService;
  });
  return covers ? firstUserId : firstUserIdInContainer;
}

const ownUserMissing = (isRoot: boolean): string =>
  isRoot
    ? 'VMM processes run as root: setpriv (util-linux) is missing.'
    : 'VMM processes run as the user of this service: only root may give each a user of its own.';
