/**
 * What every Node process of ours is started with; the shell entry and the scripts of package.json name the same flags. Node 24.15 and
 * later end with SIGSEGV in a thread of V8's middle compiler (Maglev) now and then where processors are scarce, so that compiler is
 * left out: https://github.com/nodejs/node/issues/64841.
 */
export const nodeFlags: readonly string[] = ['--disable-warning=ExperimentalWarning', '--no-maglev'];
