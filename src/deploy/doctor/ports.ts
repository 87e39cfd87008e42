import { findPortFault } from '../../lib/port-fault.ts';
import { type Finding, toFinding } from './finding.ts';

/** A port that a service is to listen on. */
export interface WantedPort {
  readonly use: string;
  readonly port: number;
  readonly flag: string;
}

/** Whether the services can listen where they are configured to. */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<Finding> {
  const check = 'ports';
  const faults: (WantedPort & { readonly fault: string })[] = [];
  for (const one of wanted) {
    const fault = await findPortFault(one.port);
    if (fault !== undefined) faults.push({ ...one, fault });
  }
  const list = wanted.map(({ port }) => port).join(', ');
  if (faults.length === 0) return toFinding(check, 'ok', `${list} are free`);
  const finding = faults.map(({ port, use, fault }) => `${port} for ${use}: ${fault}`).join('; ');
  return toFinding(
    check,
    'problem',
    finding,
    `Stop it, or choose others: ${faults.map(({ flag }) => flag).join(', ')}`,
  );
}
