import { join } from 'node:path';
import { loadTestImage } from '../../../test/fixtures/vm-image.ts';
import { silentLogger } from '../../lib/log.ts';
import { describeDriver } from '../suite/driver-suite.ts';
import { QemuDriver } from './qemu-driver.ts';

describeDriver('qemu', {
  createDriver: (runDirectory) => new QemuDriver({ runDirectory, logger: silentLogger }),
  ownerProgram: join(import.meta.dirname, '../../../test/fixtures/machine-owner/qemu.ts'),
  loadSpec: async () => ({ ...(await loadTestImage()), vcpus: 1, memoryMib: 256 }),
});
