export { describeModel, type SuiteScene, type SuiteSubject } from './model-suite.ts';
