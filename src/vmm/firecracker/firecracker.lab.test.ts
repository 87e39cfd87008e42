import { join } from 'node:path';
import { createTestFirecracker } from '../../../test/fixtures/firecracker.ts';
import { loadTestImage } from '../../../test/fixtures/vm-image.ts';
import { describeDriver } from '../suite/driver-suite.ts';

describeDriver('firecracker', {
  createDriver: createTestFirecracker,
  ownerProgram: join(import.meta.dirname, '../../../test/fixtures/machine-owner/firecracker.ts'),
  loadSpec: async () => ({ ...(await loadTestImage()), vcpus: 1, memoryMib: 128 }),
  machines: 'firecracker',
  capturesWhole: true,
});
