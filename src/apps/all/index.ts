export { fingerprintOf } from './fingerprint.ts';
export { type LaunchOptions, launchSupervisor, stopAll } from './launch.ts';
export { type ProcessLock, tryLock } from './lock.ts';
export { ensureServiceKey, instanceFiles } from './instance-files.ts';
export { logFileOf } from './log-file.ts';
export { needsModelService } from './needs-model-service.ts';
export { ageOfThisProcess, isRunning } from '../../lib/process-identity.ts';
export { type SupervisorState, readLiveState, readState } from './state.ts';
