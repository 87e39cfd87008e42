import { addGatewayRoutes } from '../../gateway/index.ts';
import type { HttpServer } from '../../http/index.ts';
import { addLiveSocket } from './live-socket.ts';
import { addNotBuiltRoutes } from './not-built-routes.ts';
import type { AgentApiOptions } from './options.ts';
import { addPages } from './pages.ts';
import { addRunRoutes } from './run-routes.ts';
import { addNativeRoutes, addSystemRoutes } from './system-routes.ts';
import { addVmProxy } from './vm-proxy.ts';

export type { AgentApiOptions } from './options.ts';

/** Adds all routes of the agent server. Upstream's stand at the root and, hidden in the documentation, under `/api`. */
export async function addAgentApi(app: HttpServer, options: AgentApiOptions): Promise<void> {
  addGatewayRoutes(app, options.gateway);
  for (const prefix of ['', '/api']) {
    addRunRoutes(app, options.runs, { base: `${prefix}/workflows`, status: '/status', hide: prefix !== '' });
    addNotBuiltRoutes(app, prefix);
    addSystemRoutes(app, options, prefix);
    addLiveSocket(app, options.runs, `${prefix}/ws`);
  }
  addRunRoutes(app, options.runs, { base: '/api/v1/runs', status: '', hide: true });
  addNativeRoutes(app, options);
  addVmProxy(app, options);
  await addPages(app, options.pagesDir);
}
