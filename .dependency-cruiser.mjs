import { layers, mayStartProcesses, withoutNode } from './layers.mjs';

const open = ['contracts', 'lib'];
const inside = (modules) => `^src/(${modules.join('|')})/`;

/** Unit tests of any module may script the model; the code beside them may not. */
const layerRules = Object.entries(layers).flatMap(([module, allowed]) => [
  {
    name: `layer-${module}`,
    severity: 'error',
    from: { path: `^src/${module}/`, pathNot: '\\.test\\.ts$' },
    to: { path: '^src/', pathNot: inside([module, ...open, ...allowed]) },
  },
  {
    name: `layer-${module}-tests`,
    severity: 'error',
    from: { path: `^src/${module}/.+\\.test\\.ts$` },
    to: { path: '^src/', pathNot: [inside([module, ...open, ...allowed]), '^src/llm/scripted/index\\.ts$'] },
  },
]);

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    {
      name: 'unknown-module',
      comment: 'Add a new folder to layers.mjs first.',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: inside(Object.keys(layers)) },
    },
    {
      name: 'unknown-module-source',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: inside(Object.keys(layers)) },
      to: {},
    },
    {
      name: 'through-the-door',
      comment: 'Another module is entered by its index.ts; contracts, lib and generated code are open.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/([^/]+)/.+',
        pathNot: ['^src/$1/', inside(open), '^src/[^/]+/index\\.ts$', '^src/(api|llm|apps)/[^/]+/index\\.ts$'],
      },
    },
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-node-only-in',
      comment: 'contracts and sdk also run in a browser.',
      severity: 'error',
      from: { path: inside(withoutNode), pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'processes-only-in',
      severity: 'error',
      from: { path: '^src/', pathNot: [inside(mayStartProcesses), '\\.test\\.ts$', '/suite/'] },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'no-dev-deps-in-src',
      severity: 'error',
      from: { path: '^src/', pathNot: ['\\.test\\.ts$', '/suite/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'not-resolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
