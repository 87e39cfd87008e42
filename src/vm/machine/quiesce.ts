import { BigboxError } from '../../contracts/errors.ts';
import type { Agent, Client } from '../../guest/index.ts';

/** How long programs have to end by themselves, in tenths of a second. */
const graceTenths = 50;
const timeoutMs = 60_000;

/** Asks every program to end, ends those that do not, and puts all that was written on the disk. Threads of the kernel have no file. */
const script = `
others() {
  for process in /proc/[0-9]*; do
    case $process in /proc/1 | /proc/$$) continue ;; esac
    if [ -e $process/exe ]; then return 0; fi
  done
  return 1
}
kill -TERM -1 2> /dev/null
waited=0
while others && [ $waited -lt ${graceTenths} ]; do sleep 0.1; waited=$((waited + 1)); done
kill -KILL -1 2> /dev/null
exec sync
`;

/** Ends all that runs in a guest and has it write its disk. Throws GUEST_UNREACHABLE when it does not do so in a minute. */
export async function quiesce(agent: Client<typeof Agent>): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    for await (const { event } of agent.exec({ argv: ['/bin/sh', '-c', script], user: 'root', cwd: '/' }, { signal }))
      if (event.case === 'exit' && event.value.code === 0 && event.value.signal === 0) return;
    throw new Error('the program that ends all others failed');
  } catch (cause) {
    throw new BigboxError('GUEST_UNREACHABLE', {
      message: `The guest did not end its programs and write its disk: ${(cause as Error).message}.`,
      cause,
    });
  }
}
