import type { Language } from '../../contracts/execution.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { ModelSourceOptions } from '../../llm/index.ts';

/** Everything that the agent server runs by. */
export interface AgentServerOptions {
  /** The server owns `agents/` in it and shares `secrets/`; Restate's sockets are in `restate/`. */
  readonly dataDir: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly host?: string;
  readonly model: ModelSourceOptions['configured'];
  /** The machine's own model server, which serves where the configured model is absent. */
  readonly modelServiceUrl: string;
  readonly vmUrl: string;
  /** Whether agents may have code run, and in which languages. */
  readonly execution: { readonly enabled: boolean; readonly languages: readonly Language[] };
  readonly limits: { readonly concurrentRuns: number; readonly concurrentModelCalls: number };
  readonly openOnLoopback: boolean;
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts?: readonly string[];
  /** What `GET /config` shows, secrets redacted. */
  readonly configuration: unknown;
  /** Settings that a person should know of. */
  readonly notices: readonly string[];
  /** Directory with the built pages. */
  readonly pagesDir?: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

export interface RunningAgentServer {
  readonly url: string;
  /** Makes a link that logs in once, within ten minutes. */
  loginLink(): Promise<string>;
  /** Stops taking requests, ends streams and leaves unfinished runs to the next start. */
  close(): Promise<void>;
}
