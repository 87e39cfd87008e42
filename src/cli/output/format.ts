/** Writes a duration as a person reads it: `0.4 s`, `14 s`, `2 min 31 s`. */
export function formatDuration(ms: number): string {
  if (ms < 100_000) {
    const seconds = ms / 1000;
    return `${seconds < 99.95 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
  }
  const whole = Math.round(ms / 1000);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Writes an amount of bytes in the unit that fits: `512 KB`, `61 MB`, `1.1 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(0, Math.round(bytes / 1e3))} KB`;
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** One line of a list of steps or suites: name, state, time, detail in fixed columns. */
export function formatLine(name: string, state: string, ...[time = '', ...details]: readonly string[]): string {
  const detail = details.filter((part) => part !== '').join('   ');
  return `  ${name.padEnd(15)} ${state.padEnd(7)} ${time.padEnd(7)}  ${detail}`.trimEnd();
}

/** Writes an age in its largest unit: `8 s`, `3 min`, `5 h`, `12 d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
