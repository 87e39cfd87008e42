/** The oldest version that is used without being allowed by name. */
const floor = [1, 15, 1] as const;

/** Versions with known faults that matter here, and why; an operator may allow each by name. */
const refused: Readonly<Record<string, string>> = {
  '1.16.0': 'guests can make the memory of its process grow through the entropy device.',
  '1.16.1': 'a guest that was paused and resumed hears nothing from its host any more.',
};

/** Reads the version out of what `--version` prints. */
export function parseVersion(output: string): string | undefined {
  return /v?(\d+\.\d+\.\d+)/.exec(output)?.[1];
}

/** Why a version is not used, one sentence; undefined where it may be. */
export function refusalOf(version: string, allowed: readonly string[]): string | undefined {
  if (allowed.includes(version)) return undefined;
  const fault = refused[version];
  if (fault !== undefined) return `Firecracker ${version} is refused: ${fault}`;
  const parts = version.split('.').map(Number);
  for (const [index, least] of floor.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return undefined;
    if (part < least)
      return `Firecracker ${version} is older than ${floor.join('.')}, the oldest that is used: those before have known faults of jailer and devices.`;
  }
  return undefined;
}
