import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../lib/log.ts';
import { plainHooks } from '../../vm/index.ts';
import { startVmService } from './index.ts';

/** The OpenAPI document of the VM service, from an instance without an image, which makes no VM. */
export async function describeVmService(): Promise<Readonly<Record<string, unknown>>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bigbox-describe-'));
  const server = await startVmService({
    dataDir,
    port: 0,
    pool: { least: 0, most: 0, memoryBytes: 2 ** 30 },
    vmMemoryMib: 128,
    maxVms: 1,
    maxOutputBytes: 1024,
    languages: [],
    validateCode: true,
    maxCodeLength: 1,
    hooks: plainHooks,
    timeoutMs: 1,
    serviceKey: 'none',
    verifyUrl: 'http://127.0.0.1',
    allowedOrigins: [],
    openOnLoopback: false,
    loadImage: () => Promise.reject(new Error('A description needs no image.')),
    logger: silentLogger,
  });
  try {
    const response = await fetch(`${server.url}/api/openapi.json`);
    return (await response.json()) as Readonly<Record<string, unknown>>;
  } finally {
    await server.close();
    await rm(dataDir, { recursive: true });
  }
}
