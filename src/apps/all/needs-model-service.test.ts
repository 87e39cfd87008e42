import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Configuration, loadConfiguration } from '../../config/index.ts';
import { instanceOf } from '../../lib/instance.ts';
import { needsModelService } from './needs-model-service.ts';

const dataDir = '/data/of/this/bigbox';
let answer: object | undefined;
let server: Server;
let port: number;

beforeEach(async () => {
  server = createServer((_request, response) => {
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(answer === undefined ? 'not found' : JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.closeAllConnections();
  await once(server.close(), 'close');
});

const configuration = loadConfiguration({ environment: {}, flags: { data_dir: dataDir } });
const at = (baseUrl: string): Partial<Configuration> => ({ model: { ...configuration.model, baseUrl } });
const isNeeded = (settings: Partial<Configuration>): Promise<boolean> =>
  needsModelService({ ...configuration, ...settings });

describe('needsModelService()', () => {
  const ollama = { version: '0.12.6' };
  const other = { version: '0.12.6', bigbox: { instance: instanceOf('/data/of/another') } };
  const own = { version: '0.12.6', bigbox: { instance: instanceOf(dataDir) } };

  test.each([
    ['an Ollama', ollama, false],
    ['another Bigbox', other, true],
    ['this Bigbox', own, true],
    ['something else', undefined, true],
  ])('where the port is held by %s', async (_what, found, expected) => {
    answer = found;
    expect(await isNeeded({ modelPort: port })).toBe(expected);
  });

  test.each([
    ['an Ollama', ollama, false],
    ['another Bigbox', other, false],
    ['this Bigbox', own, true],
  ])('where the configured address is that of %s', async (_what, found, expected) => {
    answer = found;
    expect(await isNeeded(at(`http://127.0.0.1:${port}`))).toBe(expected);
  });

  test('where the configured address is on another machine', async () => {
    expect(await isNeeded(at('http://192.0.2.1:11434'))).toBe(false);
  });
});
