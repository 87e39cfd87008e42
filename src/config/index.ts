export { type Configuration, type ConfiguredModel, namesThisMachine } from './configuration.ts';
export { type Environment, processEnvironment } from './environment.ts';
export { type LoadOptions, loadConfiguration } from './load.ts';
export { redactSecrets } from './redact.ts';
export { describeConfiguration } from './reference.ts';
