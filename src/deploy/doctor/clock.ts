import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Finding, toFinding } from './finding.ts';
import { readFact } from './read-fact.ts';

const runFile = promisify(execFile);
const slowSources = ['hpet', 'acpi_pm', 'jiffies', 'pit'];

/** Guests take the time of this machine after every restore, and ask for it often. */
export async function checkClock(root: string): Promise<Finding> {
  const check = 'clock';
  const source = await readFact(root, 'sys/devices/system/clocksource/clocksource0/current_clocksource');
  if (source !== undefined && slowSources.includes(source))
    return toFinding(
      check,
      'advice',
      `its source is ${source}, which takes microseconds to read`,
      'Let the machine that runs this one give it a stable TSC or kvm-clock.',
    );
  const from = `its source is ${source ?? 'not told'}`;
  const synchronized = await isSynchronized();
  if (synchronized === undefined) return toFinding(check, 'unknown', `${from}; nothing here tells whether it is right`);
  if (synchronized) return toFinding(check, 'ok', `${from}; it is kept right over the network`);
  return toFinding(check, 'advice', `${from}; nothing keeps it right`, 'Turn it on: timedatectl set-ntp true');
}

/** Asks systemd; undefined where there is none. */
async function isSynchronized(): Promise<boolean | undefined> {
  try {
    const { stdout } = await runFile('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], { timeout: 5000 });
    return stdout.trim() === 'yes';
  } catch {
    return undefined;
  }
}
