import { z } from 'zod';
import { ResumeVmRequest, Vm, VmTimeoutRequest } from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { toVm } from './present.ts';

const VmPath = z.object({ id: z.string().max(64) });

interface Transition {
  readonly name: 'pause' | 'stop' | 'start';
  readonly summary: string;
  readonly description: string;
}

const transitions: readonly Transition[] = [
  {
    name: 'pause',
    summary: 'Pause a VM',
    description:
      'Its memory stays, and what runs in it stands still until it is resumed. A paused VM stays paused; the next call that needs its guest resumes it.',
  },
  {
    name: 'stop',
    summary: 'Stop a VM and keep its disk',
    description:
      'Its programs are asked to end and ended after five seconds, its disk is written, and its memory is given back. It takes nothing but disk space until it is started. A stopped VM stays stopped.',
  },
  {
    name: 'start',
    summary: 'Start a stopped VM',
    description:
      'It boots with its disk and answers when it runs, with its whole timeout. A paused VM is resumed, a running one stays running.',
  },
];

/** Adds pause, resume, stop, start and timeout of VMs below a prefix, `/api` or `/api/v1`. */
export function addLifeCycleRoutes(app: HttpServer, service: VmService, prefix: string): void {
  const tags = ['VMs'];
  for (const { name, summary, description } of transitions)
    app.route({
      method: 'POST',
      url: `${prefix}/vms/:id/${name}`,
      schema: { summary, description, tags, params: VmPath, response: { 200: Vm } },
      handler: async (request) => toVm(await service.named[name](request.params.id)),
    });
  app.route({
    method: 'POST',
    url: `${prefix}/vms/:id/resume`,
    schema: {
      summary: 'Resume a paused VM',
      description:
        'It goes on where it stood, with the right time and its whole timeout. A running VM stays running. The timeout is never shortened here.',
      tags,
      params: VmPath,
      body: ResumeVmRequest.nullish(),
      response: { 200: Vm },
    },
    handler: async (request) => {
      const atLeastMs = (request.body?.timeout_seconds ?? 0) * 1000;
      return toVm(await service.named.resume(request.params.id, atLeastMs));
    },
  });
  app.route({
    method: 'POST',
    url: `${prefix}/vms/:id/timeout`,
    schema: {
      summary: 'Set or remove the timeout of a VM',
      description: 'It counts from now, or from when the VM runs again. What happens when it ends may be changed too.',
      tags,
      params: VmPath,
      body: VmTimeoutRequest,
      response: { 200: Vm },
    },
    handler: async (request) => {
      const { timeout_seconds: seconds, on_timeout: onTimeout } = request.body;
      const timeoutMs = seconds === null ? undefined : seconds * 1000;
      return toVm(service.named.limitTime(request.params.id, timeoutMs, onTimeout));
    },
  });
}
