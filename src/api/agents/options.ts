import type { Domain, Perspective } from '../../contracts/analysis.ts';
import type { SystemStatus } from '../../contracts/health.ts';
import type { Gateway } from '../../gateway/index.ts';
import type { Runs } from '../../workflows/index.ts';

/** What the routes of the agent server stand on. */
export interface AgentApiOptions {
  readonly runs: Runs;
  readonly gateway: Gateway;
  readonly catalog: { readonly perspectives: readonly Perspective[]; readonly domains: readonly Domain[] };
  /** Whether runs go on, and one sentence for each thing that does not work. */
  readonly readHealth: () => { readonly ready: boolean; readonly problems: readonly string[] };
  /** State of model and VMs, as it is now. */
  readonly readSystem: () => Promise<SystemStatus>;
  /** The configuration with its secrets redacted. */
  readonly readConfiguration: () => unknown;
  readonly vmService: { readonly url: string; readonly serviceKey: string };
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Directory with the built pages; without it there are none. */
  readonly pagesDir?: string;
}
