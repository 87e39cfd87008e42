import { VmServiceHealth } from '../../contracts/health.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { addCapabilityRoutes } from './capabilities.ts';
import { addExecuteRoutes } from './execute.ts';
import { addLimits } from './limits.ts';
import { addFileLinkRoutes } from './file-links.ts';
import { addFileRoutes } from './files.ts';
import { addFolderRoutes } from './folders.ts';
import { addForkRoutes } from './forks.ts';
import { addLifeCycleRoutes } from './life-cycle.ts';
import { addMachineRoutes } from './machines.ts';
import { addMetricsRoutes } from './metrics.ts';
import { addPortRoutes } from './ports.ts';
import { addPreviewRoutes } from './previews/routes.ts';
import { addPoolRoutes } from './pool.ts';
import { addProcessRoutes } from './processes.ts';
import { addSnapshotRoutes } from './snapshots.ts';
import { addTunnelRoute } from './tunnel.ts';
import { addVmSocket } from './websocket.ts';

export { statusOf } from './present.ts';

/** Adds the face of the VM service: upstream's routes, the same under `/api/v1`, files, processes, the WebSocket and `/health`. */
export function addVmRoutes(app: HttpServer, service: VmService): void {
  addLimits(app, service);
  addExecuteRoutes(app, service);
  for (const prefix of ['/api', '/api/v1']) {
    addMachineRoutes(app, service, prefix);
    addLifeCycleRoutes(app, service, prefix);
  }
  addSnapshotRoutes(app, service);
  addForkRoutes(app, service);
  addPoolRoutes(app, service);
  addMetricsRoutes(app, service);
  addCapabilityRoutes(app, service);
  addFileRoutes(app, service);
  addFileLinkRoutes(app, service);
  addFolderRoutes(app, service);
  addProcessRoutes(app, service);
  addPortRoutes(app, service);
  addTunnelRoute(app, service);
  addPreviewRoutes(app, service);
  addVmSocket(app, service);
  app.route({
    method: 'GET',
    url: '/health',
    config: { open: true },
    schema: { summary: 'Say how the service is', tags: ['health'], response: { 200: VmServiceHealth } },
    handler: async () => service.health(),
  });
}
