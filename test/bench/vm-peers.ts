import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { rounds } from './rounds.ts';
import { type Samples, summarise, type Summary, timed } from './summary.ts';

const run = promisify(execFile);

interface Peer {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly count: number;
}

/** Other ways to run a program apart; the second shares the kernel of the host, as a floor. */
const peers: readonly Peer[] = [
  {
    name: 'runsc',
    command: ['runsc', '--platform=ptrace', '--network=none', '--ignore-cgroups', 'do'],
    count: rounds(10),
  },
  {
    name: 'bubblewrap',
    command: ['bwrap', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--unshare-all', '--die-with-parent'],
    count: rounds(20),
  },
];

const programs: Readonly<Record<string, readonly string[]>> = {
  true: ['/bin/true'],
  python: ['python3', '-c', 'pass'],
};

type PeerRows = Readonly<Record<string, Summary>> | { readonly missing: string };

/** From nothing to the end of the first program, which is all that these offer; says which of them cannot be had here. */
export async function measurePeers(): Promise<Readonly<Record<string, PeerRows>>> {
  const rows: Record<string, PeerRows> = {};
  for (const peer of peers) rows[peer.name] = await measurePeer(peer);
  return rows;
}

async function measurePeer({ command, count }: Peer): Promise<PeerRows> {
  const [program, ...flags] = command;
  const samples: Samples = {};
  try {
    for (const [name, argv] of Object.entries(programs)) {
      await run(program, [...flags, ...argv]);
      for (let index = 0; index < count; index += 1)
        await timed(samples, `create_to_first_exec_${name}`, () => run(program, [...flags, ...argv]));
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { missing: code === 'ENOENT' ? `${program} is not installed` : message.slice(0, 500) };
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summarise(values)]));
}
