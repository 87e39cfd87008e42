/** Identifiers that cross a border. Branded so that one kind cannot be passed for another. */
declare const brand: unique symbol;
type Branded<TName extends string> = string & { readonly [brand]: TName };

export type RunId = Branded<'run'>;
export type VmId = Branded<'vm'>;
export type ExecutionId = Branded<'execution'>;
export type ProcessId = Branded<'process'>;
export type SnapshotId = Branded<'snapshot'>;

const hex = (length: number): string => crypto.randomUUID().replaceAll('-', '').slice(0, length);

/** Creates a run id in the form that upstream clients know: `workflow_` and a UUID. */
export const createRunId = (): RunId => `workflow_${crypto.randomUUID()}` as RunId;
/** Creates a VM id in the form that upstream clients know: `vm-` and 8 hexadecimal digits. */
export const createVmId = (): VmId => `vm-${hex(8)}` as VmId;
/** Creates an execution id: `exec-` and 16 hexadecimal digits. */
export const createExecutionId = (): ExecutionId => `exec-${hex(16)}` as ExecutionId;
/** Creates the id of a process in a VM: `proc-` and 16 hexadecimal digits. */
export const createProcessId = (): ProcessId => `proc-${hex(16)}` as ProcessId;

/** Names a string as the id of a run; whether that run exists is for the store to say. */
export const toRunId = (text: string): RunId => text as RunId;
/** Creates the id of a snapshot of a VM: `snap-` and 16 hexadecimal digits. */
export const createSnapshotId = (): SnapshotId => `snap-${hex(16)}` as SnapshotId;
