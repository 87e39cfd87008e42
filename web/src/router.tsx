import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { z } from 'zod';
import { VmStatus } from '../../src/contracts/vms.ts';
import { Frame } from './shared/frame.tsx';
import { NotFound } from './shared/states.tsx';

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });

/** What the address of the parallel analysis holds: the run that is shown, or what the form starts with. */
const AskSearch = z.object({
  run: z.string().optional().catch(undefined),
  topic: z.string().optional().catch(undefined),
  perspectives: z.string().optional().catch(undefined),
  domains: z.string().optional().catch(undefined),
  model: z.string().optional().catch(undefined),
  role: z.string().optional().catch(undefined),
});
export type AskSearch = z.infer<typeof AskSearch>;

const RunSearch = z.object({ tab: z.enum(['result', 'timeline', 'events']).optional().catch(undefined) });
export type RunSearch = z.infer<typeof RunSearch>;

const MachinesSearch = z.object({
  view: z.enum(['tree']).optional().catch(undefined),
  state: VmStatus.optional().catch(undefined),
  text: z.string().optional().catch(undefined),
});
export type MachinesSearch = z.infer<typeof MachinesSearch>;

/** What is looked at of one VM: the part, and within it a process from an offset, or a folder and a file. */
const MachineSearch = z.object({
  tab: z.enum(['processes', 'terminal', 'files', 'ports', 'tree', 'metrics', 'console']).optional().catch(undefined),
  process: z.string().optional().catch(undefined),
  from: z.number().optional().catch(undefined),
  path: z.string().optional().catch(undefined),
  file: z.string().optional().catch(undefined),
});
export type MachineSearch = z.infer<typeof MachineSearch>;

const launchPad = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./console/launch-pad.tsx'), 'LaunchPad'),
});

const parallelization = createRoute({
  getParentRoute: () => root,
  path: '/parallelization',
  validateSearch: AskSearch,
  component: lazyRouteComponent(() => import('./workflows/parallelization/page.tsx'), 'ParallelizationPage'),
});

const runs = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  component: lazyRouteComponent(() => import('./console/runs-page.tsx'), 'RunsPage'),
});

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$id',
  validateSearch: RunSearch,
  component: lazyRouteComponent(() => import('./console/run-page.tsx'), 'RunPage'),
});

const machines = createRoute({
  getParentRoute: () => root,
  path: '/machines',
  validateSearch: MachinesSearch,
  component: lazyRouteComponent(() => import('./machines/machines-page.tsx'), 'MachinesPage'),
});

const machine = createRoute({
  getParentRoute: () => root,
  path: '/machines/$id',
  validateSearch: MachineSearch,
  component: lazyRouteComponent(() => import('./machines/machine-page.tsx'), 'MachinePage'),
});

const approvals = createRoute({
  getParentRoute: () => root,
  path: '/approvals',
  component: lazyRouteComponent(() => import('./approvals/approvals-page.tsx'), 'ApprovalsPage'),
});

/** Every page and its address. */
export const router = createRouter({
  routeTree: root.addChildren([launchPad, parallelization, runs, run, machines, machine, approvals]),
  trailingSlash: 'preserve',
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
