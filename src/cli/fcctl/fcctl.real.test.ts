import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FcctlEnd, type FcctlOptions, runFcctl } from '../../../test/fixtures/run-fcctl.ts';
import { type TestVmService, startTestVmService, testServiceKey } from '../../../test/fixtures/vm-service.ts';
import { processEnvironment } from '../../config/index.ts';
import { PoolStatistics, Vm } from '../../contracts/vms.ts';

let service: TestVmService;
let vm: string;

const fcctl = (args: readonly string[], options: Partial<FcctlOptions> = {}): Promise<FcctlEnd> =>
  runFcctl(args, { url: service.url, key: testServiceKey, ...options });

beforeAll(async () => {
  service = await startTestVmService();
  const made = await fcctl(['vm', 'create', '--name', 'mine', '--wait']);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/ running .* debian-bookworm\n$/) as string });
  vm = made.stdout.trim();
});
afterAll(() => service.close());

describe('fcctl vm create', () => {
  test('prints the id alone, so that a script can keep it', async () => {
    expect(vm).toMatch(/^vm-[0-9a-f]{8}$/);
    const json = await fcctl(['vm', 'create', '--type', 'ubuntu-focal', '--json']);
    const made = Vm.parse(JSON.parse(json.stdout));
    expect(made).toMatchObject({ requested_vm_type: 'ubuntu-focal', vm_type: 'debian-bookworm' });
    expect(await fcctl(['vm', 'rm', made.id])).toEqual({ code: 0, stdout: `${made.id}\n`, stderr: '' });
  });

  test('names the types where there is none of the name', async () => {
    expect(await fcctl(['vm', 'create', '--type', 'windows'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^error: .*"windows"; there is debian-bookworm.*\n {2}\(VM_TEMPLATE_UNKNOWN\)\n$/,
      ) as string,
    });
  });
});

describe('examples/first-half-hour.sh', () => {
  test('goes its whole way and leaves nothing behind', async () => {
    const program = fileURLToPath(new URL('../../../examples/first-half-hour.sh', import.meta.url));
    const { code, stdout, stderr } = await fcctl([], { program });
    expect([code, stderr.split('\n').filter((line) => line.startsWith('error:'))]).toEqual([0, []]);
    console.log(stdout);
    expect(stdout).toMatch(/== Promote the best, \S+ with \d+ us/);
    expect(stdout).toContain('Done. Nothing is left of it.');
    const left = JSON.parse((await fcctl(['vm', 'list', '--json'])).stdout) as Vm[];
    expect(left.map(({ name }) => name)).toEqual(['mine']);
    expect((await fcctl(['snapshot', 'list'])).stdout).toBe('');
  });
});

describe('fcctl vm list and show', () => {
  test('print a table for people and JSON for programs', async () => {
    const { stdout } = await fcctl(['vm', 'list']);
    expect(stdout).toMatch(/^ID +NAME +STATUS +TYPE +SIZE +AGE\n/);
    expect(stdout).toMatch(new RegExp(`^${vm} +mine +running +debian-bookworm +1 cpu, 256 MB +\\d+ s$`, 'm'));
    const listed = JSON.parse((await fcctl(['vm', 'list', '--json'])).stdout) as unknown[];
    expect(listed.map((one) => Vm.parse(one).id)).toContain(vm);
    expect((await fcctl(['vm', 'show', 'mine'])).stdout).toContain(`id      ${vm}\n`);
    expect(Vm.parse(JSON.parse((await fcctl(['vm', 'show', vm, '--json'])).stdout))).toMatchObject({ name: 'mine' });
  });
});

describe('fcctl vm stats and console', () => {
  test('show what VMs use, and what they wrote on their console', async () => {
    const { stdout } = await fcctl(['vm', 'stats']);
    expect(stdout).toMatch(/^ID +NAME +STATUS +CPU +ON THE HOST +IN THE GUEST +DISK +PROCESSES +LOAD\n/);
    expect(stdout).toMatch(new RegExp(`^${vm} +mine +running +\\d+\\.\\d % +\\d+ MB +\\d+ MB of \\d+ MB +`, 'm'));
    const [one] = JSON.parse((await fcctl(['vm', 'stats', 'mine', '--json'])).stdout) as { cpu_percent: number }[];
    expect(one).toMatchObject({ vm_id: vm, status: 'running', cpu_percent: expect.any(Number) as number });
    expect(await fcctl(['vm', 'stats', 'nobody'])).toMatchObject({ code: 1, stdout: '' });
    const line = ['--user', 'root', '--shell', '--', 'echo to the console > /dev/console'];
    await fcctl(['vm', 'exec', vm, ...line]);
    await expect
      .poll(async () => (await fcctl(['vm', 'console', 'mine'])).stdout, { timeout: 20_000 })
      .toContain('to the console');
  });
});

describe('fcctl image and bench', () => {
  test('show what VMs are made of and how fast they are', async () => {
    expect((await fcctl(['image', 'ls'])).stdout).toMatch(
      /^NAME .*\ndebian-bookworm +[0-9a-f]{12} +[\d.]+ GB +1 cpu, 256 MB\n$/,
    );
    expect((await fcctl(['image', 'show', 'ubuntu-focal'])).stdout).toMatch(/^ +name +debian-bookworm\n/);
    expect((await fcctl(['image', 'show', 'windows'])).stderr).toMatch(
      /Use one of these names; fcctl image ls shows them\.\n {2}\(VM_TEMPLATE_UNKNOWN\)\n$/,
    );
    const { stdout, stderr } = await fcctl(['bench', '--rounds', '1']);
    expect(stderr).toBe('VMs that are made and used one after the other, a few seconds each: 1.\n');
    expect(stdout).toMatch(/^STEP +P50 +LEAST +MOST +TIMES\ncreate to first exec +\d+ ms .*\nwarm exec +.* 5\n/);
    expect(stdout).toMatch(/\nqemu \d.*, 1 cpu, 256 MB; took \d/);
  });
});

describe('fcctl vm pause, resume, stop and start', () => {
  test('let a VM with labels and a time limit stand still and go on, and end and begin', async () => {
    const flags = ['--label', 'job=a b', '--env', 'GREETING=hello', '--timeout', '600', '--on-timeout', 'pause'];
    const id = (await fcctl(['vm', 'create', '--wait', ...flags])).stdout.trim();
    const listed = async (...filter: readonly string[]): Promise<unknown> =>
      JSON.parse((await fcctl(['vm', 'list', '--json', '--label', 'job=a b', ...filter])).stdout);
    expect(await listed()).toMatchObject([{ id, on_timeout: 'pause', timeout_seconds: 600 }]);
    expect((await fcctl(['vm', 'show', id])).stdout).toMatch(/ends +\S+ \(is paused then\)\n +label +job=a b\n/);
    expect(await fcctl(['vm', 'pause', id])).toEqual({ code: 0, stdout: `${id}\n`, stderr: '' });
    expect([await listed('--state', 'paused'), await listed('--state', 'running')]).toMatchObject([[{ id }], []]);
    expect(await fcctl(['vm', 'resume', id])).toEqual({ code: 0, stdout: `${id}\n`, stderr: '' });
    expect((await fcctl(['vm', 'exec', id, '--shell', '--', 'echo $GREETING'])).stdout).toBe('hello\n');
    expect(await fcctl(['vm', 'stop', id])).toEqual({ code: 0, stdout: `${id}\n`, stderr: '' });
    expect(await listed('--state', 'stopped')).toMatchObject([{ id, status: 'stopped' }]);
    const refused = await fcctl(['vm', 'exec', id, '--', 'true']);
    expect(refused.stderr).toBe(
      `error: The VM ${id} is stopped. Start it: fcctl vm start ${id}, or POST /api/v1/vms/${id}/start.\n  (CONFLICT)\n`,
    );
    expect(await fcctl(['vm', 'start', id])).toEqual({ code: 0, stdout: `${id}\n`, stderr: '' });
    expect((await fcctl(['vm', 'exec', id, '--shell', '--', 'echo $GREETING'])).stdout).toBe('hello\n');
    await fcctl(['vm', 'rm', id]);
    expect(await fcctl(['vm', 'list', '--label', 'job=a b'])).toMatchObject({
      stdout: '',
      stderr: 'There are no such VMs. fcctl vm list shows all.\n',
    });
  });
});

describe('fcctl vm snapshot', () => {
  test('keeps a VM that others go on from, until it is removed', async () => {
    await fcctl(['vm', 'exec', vm, '--shell', '--', 'echo kept > kept.txt']);
    const made = await fcctl(['vm', 'snapshot', 'mine', '--name', 'before', '--label', 'why=test']);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/ kept .* s .* (KB|MB)\n$/) as string });
    const id = made.stdout.trim();
    await fcctl(['vm', 'exec', vm, '--', 'rm', 'kept.txt']);
    const { stdout: second } = await fcctl(['vm', 'create', '--snapshot', 'before', '--name', 'second', '--wait']);
    expect((await fcctl(['vm', 'exec', 'second', '--', 'cat', 'kept.txt'])).stdout).toBe('kept\n');
    expect((await fcctl(['vm', 'show', 'second'])).stdout).toContain(`from    ${id}\n`);
    const list = ['snapshot', 'list', '--vm', 'mine'];
    expect((await fcctl(list)).stdout).toMatch(new RegExp(`^ID .*\n${id}  before  ${vm}  debian-bookworm  .*\n$`));
    expect(JSON.parse((await fcctl([...list, '--json'])).stdout)).toMatchObject([{ id, metadata: { why: 'test' } }]);
    expect(await fcctl(['snapshot', 'rm', 'before'])).toEqual({ code: 0, stdout: `${id}\n`, stderr: '' });
    expect((await fcctl(['vm', 'create', '--snapshot', 'before'])).stderr).toMatch(
      /^error: There is no snapshot before\. fcctl snapshot list shows/,
    );
    expect(await fcctl(['vm', 'rm', 'second'])).toEqual({ code: 0, stdout: second, stderr: '' });
  });
});

describe('fcctl vm fork', () => {
  test('makes VMs that go on from where one stands', async () => {
    await fcctl(['vm', 'exec', vm, '--shell', '--', 'echo origin > fork.txt']);
    const made = await fcctl(['vm', 'fork', 'mine', '--count', '2', '--name', 'try', '--label', 'a=b', '--wait']);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/ forked .* 2 running\n$/) as string });
    const ids = made.stdout.trim().split('\n');
    const listed = JSON.parse((await fcctl(['vm', 'list', '--label', 'a=b', '--json'])).stdout) as Vm[];
    // Those of one millisecond are listed by their ids.
    const byName = listed.toSorted((one, other) => one.name.localeCompare(other.name));
    expect(byName.map(({ id, name, forked_from }) => [id, name, forked_from])).toEqual(
      ids.map((id, index) => [id, `try-${index + 1}`, vm]),
    );
    for (const id of ids) expect((await fcctl(['vm', 'exec', id, '--', 'cat', 'fork.txt'])).stdout).toBe('origin\n');
    expect((await fcctl(['vm', 'exec', vm, '--', 'cat', 'fork.txt'])).stdout).toBe('origin\n');
    expect((await fcctl(['vm', 'rm', ...ids])).code).toBe(0);
  });
});

describe('fcctl vm exec', () => {
  test('keeps stdout and stderr apart and ends with the exit code of the guest', async () => {
    const code = 'echo out; echo err >&2; exit 42';
    expect(await fcctl(['vm', 'exec', vm, '--shell', '--', code])).toEqual({
      code: 42,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test('hands every word on as it is', async () => {
    const words = ["it's", '$HOME', '"; rm -rf /', '', 'two  spaces', '\\', 'grüße', '--debug'];
    const printer = ['python3', '-c', 'import sys, json; print(json.dumps(sys.argv[1:]))'];
    const { stdout, code } = await fcctl(['vm', 'exec', 'mine', '--', ...printer, ...words]);
    expect([JSON.parse(stdout), code]).toEqual([words, 0]);
  });

  test('sets folder, variables and input', async () => {
    const flags = ['--cwd', '/tmp', '--env', 'A=one two', '--env', 'B=', '--stdin'];
    const line = 'pwd; echo "[$A][$B]"; cat';
    const { stdout } = await fcctl(['vm', 'exec', vm, ...flags, '--shell', '--', line], { stdin: 'from here' });
    expect(stdout).toBe('/tmp\n[one two][]\nfrom here');
  });

  test('hands bytes on in both directions, and ends when the command does not read on', async () => {
    const stdin = 'ü\n'.repeat(200_000);
    const { stdout } = await fcctl(['vm', 'exec', vm, '-i', '--', 'cat'], { stdin });
    expect(stdout).toBe(stdin);
    const first = await fcctl(['vm', 'exec', vm, '-i', '--', 'head', '-c', '3'], { stdin });
    expect(first).toEqual({ code: 0, stdout: 'ü\n', stderr: '' });
    expect((await fcctl(['vm', 'exec', vm, '--', 'cat'], { stdin })).stdout).toBe('');
  });

  test('runs as another user, and ends with 128 and the signal that ended the command', async () => {
    expect((await fcctl(['vm', 'exec', vm, '--user', 'root', '--', 'id', '-u'])).stdout).toBe('0\n');
    expect((await fcctl(['vm', 'exec', vm, '--shell', '--', 'kill -TERM $$'])).code).toBe(143);
    const unknown = await fcctl(['vm', 'exec', vm, '--', 'no-such-program']);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('(INVALID_REQUEST)') as string });
  });

  test('streams while the command runs, and Ctrl-C stops it in the VM', async () => {
    const onOutput: FcctlOptions['onOutput'] = (kill) => kill('SIGINT');
    const line = 'echo begun; sleep 987; echo never';
    expect(await fcctl(['vm', 'exec', vm, '--shell', '--', line], { onOutput })).toEqual({
      code: 130,
      stdout: 'begun\n',
      stderr: 'Interrupted.\n',
    });
    await expect
      .poll(async () => (await fcctl(['vm', 'exec', vm, '--', 'pgrep', '-fx', 'sleep 987'])).code, { timeout: 20_000 })
      .toBe(1);
  });

  test('says which limit stopped the command', async () => {
    const { code, stderr } = await fcctl(['vm', 'exec', vm, '--timeout', '0.5', '--', 'sleep', '60']);
    expect(stderr).toMatch(/^error: .* longer than 500 ms .* more time with --timeout\.\n {2}\(EXECUTION_TIMEOUT\)\n$/);
    expect(code).toBe(1);
  });

  test('prints the whole result as JSON, and ends as the guest did', async () => {
    const { code, stdout } = await fcctl(['vm', 'exec', vm, '--json', '--', 'cat', '/nothing']);
    expect(JSON.parse(stdout)).toMatchObject({ vm_id: vm, outcome: 'exited', exit_code: 1, stdout: '' });
    expect((JSON.parse(stdout) as { stderr: string }).stderr).toContain('No such file');
    expect(code).toBe(1);
  });
});

describe('fcctl vm shell', () => {
  test('is a terminal in the VM, of the size of this one, and ends with the exit code of the shell', async () => {
    const env = { ...processEnvironment(), FCCTL_URL: service.url, FCCTL_KEY: testServiceKey };
    const program = fileURLToPath(new URL('../../../fcctl', import.meta.url));
    const line = `stty rows 31 cols 97; exec ${program} vm shell mine`;
    // `script` gives the program a terminal here, as a person has one.
    const here = spawn('script', ['-qefc', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    here.stdout.setEncoding('utf8').on('data', (text: string) => void (shown += text));
    const ended = new Promise((resolve) => here.once('close', resolve));
    await expect.poll(() => shown, { timeout: 30_000 }).toMatch(/\$ $/);
    here.stdin.write('stty size; echo "on $(tty)"; hostname\r');
    await expect.poll(() => shown, { timeout: 20_000 }).toMatch(new RegExp(`31 97\\s+on /dev/pts/\\d+\\s+${vm}\\s`));
    here.stdin.write('sleep 600\r');
    await expect
      .poll(async () => (await fcctl(['vm', 'exec', vm, '--', 'pgrep', '-fx', 'sleep 600'])).code, { timeout: 20_000 })
      .toBe(0);
    here.stdin.write('\u0003exit 7\r');
    expect(await ended).toBe(7);
  });

  test('runs what comes in where there is no terminal, and ends with it', async () => {
    const { code, stdout } = await fcctl(['vm', 'shell', 'mine'], { stdin: 'tty; echo $((6 * 7)); exit 5\n' });
    expect(stdout).toMatch(/\/dev\/pts\/\d+\r\n42\r\n/);
    expect(code).toBe(5);
    expect(await fcctl(['vm', 'shell', 'mine'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('fcctl vm ps, logs and kill', () => {
  test('find a detached process again, with what it wrote, and end it', async () => {
    const line = 'echo begun; echo trouble >&2; while :; do sleep 1; done';
    const id = (await fcctl(['vm', 'exec', vm, '-d', '--shell', '--', line])).stdout.trim();
    const logs = ['vm', 'logs', vm, id];
    await expect.poll(async () => (await fcctl(logs)).stderr, { timeout: 20_000 }).toBe('trouble\n');
    expect(await fcctl(logs)).toEqual({ code: 0, stdout: 'begun\n', stderr: 'trouble\n' });
    expect((await fcctl(['vm', 'ps', vm])).stdout).toMatch(
      new RegExp(`^${id} +running +\\d+ s +bash -c echo begun;`, 'm'),
    );
    const onOutput = (): void => void fcctl(['vm', 'kill', 'mine', id]);
    const followed = await fcctl([...logs, '--follow'], { onOutput });
    expect(followed).toMatchObject({ code: 1, stdout: 'begun\n' });
    expect(followed.stderr).toMatch(/^trouble\nerror: The command was stopped from elsewhere/);
    expect(JSON.parse((await fcctl(['vm', 'ps', vm, '--json'])).stdout)).toContainEqual(
      expect.objectContaining({ id, state: 'ended', outcome: 'killed' }),
    );
  });

  test('end with the exit code of a process that ended before, and name the way to those that there are', async () => {
    const id = (await fcctl(['vm', 'exec', vm, '--detach', '--shell', '--', 'echo done; exit 7'])).stdout.trim();
    expect(await fcctl(['vm', 'logs', vm, id, '-f'])).toEqual({ code: 7, stdout: 'done\n', stderr: '' });
    expect((await fcctl(['vm', 'logs', vm, 'proc-0'])).stderr).toContain('fcctl vm ps shows those that there are.');
  });
});

describe('fcctl cp', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'bigbox-copy-'))));
  afterAll(() => rm(folder, { recursive: true }));

  test('brings every byte into a VM and back', async () => {
    const data = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31 + (index >> 8)) % 256));
    await writeFile(join(folder, 'all bytes.bin'), data);
    expect(await fcctl(['cp', join(folder, 'all bytes.bin'), 'mine:/tmp/'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const sum = await fcctl(['vm', 'exec', vm, '--', 'sha256sum', '/tmp/all bytes.bin']);
    expect(sum.stdout).toContain(createHash('sha256').update(data).digest('hex'));
    await fcctl(['cp', `${vm}:/tmp/all bytes.bin`, join(folder, 'back.bin')]);
    expect((await readFile(join(folder, 'back.bin'))).equals(data)).toBe(true);
  });

  test('keeps the name in a folder, on either side, and takes stdin and stdout for -', async () => {
    await fcctl(['cp', '-', 'mine:a/note.txt'], { stdin: 'a note' });
    await fcctl(['cp', 'mine:a/note.txt', folder]);
    expect(await readFile(join(folder, 'note.txt'), 'utf8')).toBe('a note');
    await fcctl(['cp', join(folder, 'note.txt'), 'mine:/tmp']);
    expect(await fcctl(['cp', 'mine:/tmp/note.txt', '-'])).toEqual({ code: 0, stdout: 'a note', stderr: '' });
  });

  test.each([
    [['cp', 'a', 'b'], 2, 'Both ends are on this machine'],
    [['cp', 'mine:a', 'mine:b'], 2, 'Both ends are in VMs'],
    [['cp', '/nothing/here', 'mine:'], 2, '/nothing/here cannot be used: there is nothing of this name.'],
    [['cp', '/tmp', 'mine:'], 2, '-r copies folders'],
    [['cp', 'mine:/nothing', '.'], 1, '(GUEST_FILE_ERROR)'],
    [['cp', 'mine:/etc/hostname', '/nothing/here'], 2, '/nothing/here cannot be used'],
    [['cp', 'nobody:/etc/hostname', '-'], 1, 'There is no VM nobody.'],
  ])('refuses %j', async (args, code, words) => {
    expect(await fcctl(args)).toMatchObject({ code, stderr: expect.stringContaining(words) as string });
  });
});

describe('fcctl vm files mkdir, stat and rm', () => {
  test('make, describe and remove', async () => {
    expect(await fcctl(['vm', 'files', 'mkdir', 'mine:made/deep'])).toEqual({ code: 0, stdout: '', stderr: '' });
    const { stdout } = await fcctl(['vm', 'files', 'stat', 'mine:made/deep']);
    expect(stdout).toMatch(/^MODE +BYTES +CHANGED +NAME\ndrwxr-xr-x .* deep\n$/);
    expect(await fcctl(['vm', 'files', 'rm', 'mine:made'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('GUEST_FILE_ERROR') as string,
    });
    expect((await fcctl(['vm', 'files', 'mv', 'mine:made/deep', 'made/moved'])).code).toBe(0);
    expect((await fcctl(['vm', 'files', 'chmod', '750', 'mine:made/moved'])).code).toBe(0);
    expect((await fcctl(['vm', 'files', 'ls', 'mine:made'])).stdout).toMatch(/^drwxr-x--- .* moved$/m);
    expect((await fcctl(['vm', 'files', 'rm', '-r', 'mine:made'])).code).toBe(0);
    expect((await fcctl(['vm', 'files', 'stat', 'mine:made'])).code).toBe(1);
  });
});

describe('fcctl vm files ls', () => {
  test('lists a folder like ls -l does', async () => {
    await fcctl([
      'vm',
      'exec',
      vm,
      '--shell',
      '--',
      'mkdir list; cd list; printf 12345 > five; chmod 640 five; ln -s five link',
    ]);
    const { stdout } = await fcctl(['vm', 'files', 'ls', 'mine:list']);
    expect(stdout).toMatch(
      /^MODE +BYTES +CHANGED +NAME\n-rw-r----- +5 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +five\nl\S+ .* link -> five\n$/,
    );
    const json = await fcctl(['vm', 'files', 'ls', 'mine:list', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject([{ name: 'five', kind: 'file', size: 5 }, { name: 'link' }]);
    expect((await fcctl(['vm', 'files', 'ls', vm])).stdout).toMatch(/^d.* list$/m);
  });
});

describe('fcctl pool show', () => {
  test('counts clones', async () => {
    const pool = PoolStatistics.parse(JSON.parse((await fcctl(['pool', 'show', '--json'])).stdout));
    expect(pool).toMatchObject({ target: 2, max_vms: 6 });
    expect((await fcctl(['pool', 'show'])).stdout).toMatch(/^ {2}ready +\d of 2\n {2}in use +\d of at most 6\n/);
  });
});

describe('fcctl doctor', () => {
  test('tries this machine and names every check once', async () => {
    const dataDir = ['--data-dir', service.dataDir];
    const json = await fcctl(['doctor', '--json', ...dataDir]);
    const findings = JSON.parse(json.stdout) as { check: string; state: string; remedy?: string }[];
    const checks = findings.map(({ check }) => check);
    expect(new Set(checks).size).toBe(checks.length);
    expect(checks).toEqual(
      expect.arrayContaining(['QEMU', 'KVM', 'walls', 'control groups', 'reflink', 'ports', 'clock']),
    );
    expect(findings.find(({ check }) => check === 'QEMU')?.state).toBe('ok');
    expect(json.code).toBe(findings.some(({ state }) => state === 'problem') ? 1 : 0);
    const { stdout } = await fcctl(['doctor', ...dataDir]);
    for (const { check, state } of findings) expect(stdout).toMatch(new RegExp(`^ {2}${check} +${state} `, 'm'));
  });
});

describe('fcctl vm rm', () => {
  test('removes what there is and names what there is not', async () => {
    const { stdout } = await fcctl(['vm', 'create', '--name', 'short']);
    const { code, stderr, ...removed } = await fcctl(['vm', 'rm', 'vm-00000000', 'short', 'nobody']);
    expect([code, removed.stdout]).toEqual([1, stdout]);
    expect(
      stderr.match(/There is no VM (vm-00000000|nobody)\. fcctl vm list shows those that there are\./g),
    ).toHaveLength(2);
  });
});

describe('fcctl', () => {
  test('works through a link', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bigbox-link-'));
    try {
      const program = join(folder, 'fcctl');
      await symlink(resolve(import.meta.dirname, '../../../fcctl'), program);
      expect((await fcctl(['vm', 'show', vm], { program })).stdout).toContain(vm);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('says what to do where the service or the key is not the right one', async () => {
    const noKey = await fcctl(['vm', 'list'], { key: '' });
    expect(noKey).toMatchObject({ code: 1, stderr: expect.stringContaining('Set FCCTL_KEY to a key') as string });
    const nowhere = await fcctl(['vm', 'list'], { url: 'http://127.0.0.1:9' });
    expect(nowhere).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('Nothing answers at http://127.0.0.1:9. Check FCCTL_URL') as string,
    });
  });
});
