/** The parts of a set-up, by the names that a person reads. */
export type SetupStepName =
  | 'packages'
  | 'guest agent'
  | 'vm image'
  | 'web pages'
  | 'model'
  | 'test model'
  | 'services'
  | 'template';

/** Where a running step stands. `completed` and `total` count the same real unit. */
export interface StepProgress {
  readonly doing?: string;
  readonly completed?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'files' | 'packages' | 'VMs';
}

export interface StepContext {
  /** Says where the work stands. A step that says nothing had nothing to do. */
  readonly report: (progress: StepProgress) => void;
  readonly signal: AbortSignal;
}

/** One part of a set-up. Running it again when it is done already is fast and changes nothing. */
export interface Step {
  readonly name: SetupStepName;
  /** Steps that must have succeeded before. */
  readonly needs: readonly SetupStepName[];
  /** Steps that must have ended before, in whatever way. */
  readonly follows?: readonly SetupStepName[];
  /** Keeps a core busy: as many heavy steps as cores run side by side. */
  readonly heavy: boolean;
  /** Does the work and answers with a detail for the person, or an empty text. Throws a registry error. */
  readonly run: (context: StepContext) => Promise<string>;
  /** What still works when this step fails. Without it, nothing does and the set-up fails. */
  readonly stillWorks?: string;
}

export type StepEvent =
  | { readonly type: 'step-started'; readonly step: SetupStepName }
  | { readonly type: 'step-progress'; readonly step: SetupStepName; readonly progress: StepProgress }
  | {
      readonly type: 'step-done';
      readonly step: SetupStepName;
      readonly detail: string;
      readonly durationMs: number;
      /** False when everything was there already. */
      readonly worked: boolean;
    }
  | {
      readonly type: 'step-failed';
      readonly step: SetupStepName;
      readonly error: unknown;
      readonly durationMs: number;
      readonly stillWorks?: string;
    }
  | { readonly type: 'step-left-out'; readonly step: SetupStepName; readonly because: SetupStepName };
