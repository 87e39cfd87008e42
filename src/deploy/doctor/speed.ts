import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmBenchmark } from '../../contracts/capabilities.ts';
import { type Finding, toFinding } from './finding.ts';

const check = 'speed';
const wayToMeasure = 'Measure it with fcctl bench while the service runs.';

/** Tells how fast VMs were measured here; the service keeps its last benchmark in the data directory. */
export async function checkSpeed(dataDir: string): Promise<Finding> {
  const text = await readFile(join(dataDir, 'vms', 'benchmark.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return toFinding(check, 'unknown', 'not measured here yet', wayToMeasure);
  const { success, data } = VmBenchmark.safeParse(toJson(text));
  if (!success) return toFinding(check, 'unknown', 'the last benchmark cannot be read', wayToMeasure);
  const times = data.figures.map(({ name, p50_ms: ms }) => `${name.replaceAll('-', ' ')} ${Math.round(ms)} ms`);
  return toFinding(check, 'ok', `${times.join(', ')} (p50, ${data.accelerator}, measured ${data.at.slice(0, 10)})`);
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
