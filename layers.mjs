/**
 * Who may import whom. Every module may also import `contracts` and `lib`.
 * Read by `.dependency-cruiser.mjs`, by the layer tests and by the table in ARCHITECTURE.md.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const layers = {
  contracts: [],
  lib: [],
  config: [],
  store: [],
  engine: [],
  guest: [],
  images: ['guest'],
  llm: [],
  http: [],
  observe: [],
  privileged: [],
  vmm: ['guest', 'privileged'],
  network: ['privileged'],
  vm: ['vmm', 'guest', 'images', 'network', 'store'],
  knowledge: ['store'],
  agents: [],
  workflows: ['agents', 'engine', 'store'],
  gateway: ['http', 'store'],
  api: ['http', 'gateway', 'workflows', 'agents', 'knowledge', 'vm', 'llm'],
  deploy: ['config', 'vmm'],
  sdk: [],
  cli: ['sdk', 'deploy', 'config', 'apps'],
  apps: [
    'config',
    'store',
    'engine',
    'guest',
    'images',
    'llm',
    'http',
    'observe',
    'privileged',
    'vmm',
    'network',
    'vm',
    'knowledge',
    'agents',
    'workflows',
    'gateway',
    'api',
    'deploy',
    'sdk',
  ],
};

/** Modules that may start processes. */
export const mayStartProcesses = [
  'vmm',
  'images',
  'network',
  'privileged',
  'engine',
  'knowledge/sources',
  'deploy',
  'cli',
  'apps',
];

/** Modules that must also run in a browser: no `node:` imports. */
export const withoutNode = ['contracts', 'sdk'];
