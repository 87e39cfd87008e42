import { availableParallelism } from 'node:os';
import { setupSteps, testPackages } from '../../apps/setup/index.ts';
import { loadConfiguration, processEnvironment } from '../../config/index.ts';
import { root } from '../root.ts';
import { type SetUpOptions, agreeOnPackages, showSteps } from '../set-up.ts';
import type { Suite, SuiteNeed } from './suite.ts';

/** What a need brings along: the packages build the agent, the agent is a part of the image. */
const behind: Readonly<Partial<Record<SuiteNeed, readonly SuiteNeed[]>>> = {
  'vm image': ['packages', 'guest agent'],
  'guest agent': ['packages'],
  'test model': ['packages'],
};

/**
 * Sets up what suites need, and nothing else. Answers with the needs that could not be met. Throws SETUP_STEP_FAILED when the
 * person does not want the packages.
 */
export async function setUpFor(chosen: readonly Suite[], options: SetUpOptions): Promise<readonly string[]> {
  const named = chosen.flatMap(({ needs }) => needs);
  const needs = new Set([...named, ...named.flatMap((need) => behind[need] ?? [])]);
  if (needs.size === 0) return [];
  const missingPackages = await agreeOnPackages(
    {
      machine: needs.has('packages'),
      extra: needs.has('test packages') ? testPackages : [],
    },
    options,
  );
  if (needs.has('test packages')) needs.add('packages');
  const steps = setupSteps({
    configuration: loadConfiguration(),
    environment: processEnvironment(),
    root,
    missingPackages,
    models: needs.has('test model') ? ['test'] : [],
  }).filter(({ name }) => needs.has(name));
  const failed = await showSteps(steps, { ...options, cores: availableParallelism() });
  return failed.includes('packages') ? [...failed, 'test packages'] : failed;
}
