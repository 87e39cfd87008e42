export { fingerprintOf } from './fingerprint.ts';
export { type LaunchOptions, launchSupervisor, stopAll } from './launch.ts';
export { type ProcessLock, tryLock } from './lock.ts';
export { needsModelService } from './needs-model-service.ts';
export { isRunning } from './process-identity.ts';
export { logFileOf } from './services.ts';
export { type SupervisorState, readLiveState, readState } from './state.ts';
