/** Takes the agent's own descriptor of the port, for the port itself can be opened only once. */
const garbageWriter = `
import ctypes, os
libc = ctypes.CDLL(None)
agent = libc.syscall(434, 1, 0)
for name in os.listdir("/proc/1/fd"):
    if os.readlink("/proc/1/fd/" + name).startswith("/dev/vport"):
        port = libc.syscall(438, agent, int(name), 0)
        os.set_blocking(port, True)
        for _ in range(64): os.write(port, os.urandom(16384))
`;

/** Forks until it is refused; what it made stays. */
const bomb = `
import os, signal
try:
    while os.fork() != 0: pass
    signal.pause()
except OSError as refusal:
    print(refusal)
`;

export const guestPrograms = {
  bomb,
  writeGarbage: `python3 - <<'EOF'\n${garbageWriter}\nEOF\nsleep 60`,
  makeFiles: (count: number): string =>
    `mkdir many && python3 -c 'import os\nfor i in range(${count}): os.mknod(f"many/{i}")' && echo made`,
  plantLinks: (target: string): string =>
    `ln -s ${target} link; ln -s ../../../../../..${target} relative; ln -s loop loop; ln -s ${target.slice(0, target.lastIndexOf('/'))} directory; ln -s /proc/1/root${target} proc-root`,
} as const;
