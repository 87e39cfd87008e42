import { request as openHttp } from 'node:http';
import { request as openHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { json } from 'node:stream/consumers';
import { BigboxError, fromErrorBody } from '../../contracts/errors.ts';
import { tunnelProtocol } from '../../contracts/vm-ports.ts';
import type { ConnectionOptions } from '../../sdk/index.ts';

/** Names one port of one VM. */
export interface PortAddress {
  readonly vmId: string;
  readonly port: number;
}

/**
 * Connects to a port of a VM through the VM service. The caller owns the stream, whose ends are passed on. Throws what the service
 * says, as PORT_UNREACHABLE and VM_NOT_FOUND, SERVICE_NOT_RUNNING, and the signal's reason.
 */
export async function openPort(
  { baseUrl, key }: ConnectionOptions,
  { vmId, port }: PortAddress,
  signal: AbortSignal,
): Promise<Duplex> {
  const url = new URL(`/api/v1/vms/${encodeURIComponent(vmId)}/ports/${port}/tunnel`, baseUrl);
  const open = url.protocol === 'https:' ? openHttps : openHttp;
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const headers = { connection: 'Upgrade', upgrade: tunnelProtocol, ...authorization };
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const call = open(url, { headers, agent: false, signal });
  call.once('upgrade', (_answer, socket: Duplex, head: Buffer) => {
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  call.once('response', (answer) => {
    json(answer).then(
      (body) => reject(fromErrorBody(body)),
      () => reject(fromErrorBody(undefined)),
    );
  });
  call.once('error', (cause) =>
    reject(
      signal.aborted
        ? signal.reason
        : new BigboxError('SERVICE_NOT_RUNNING', {
            message: `Nothing answers at ${baseUrl}.`,
            context: { url: baseUrl },
            cause,
          }),
    ),
  );
  call.end();
  return promise;
}
