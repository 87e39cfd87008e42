import type { MachineSpec } from '../driver.ts';
import type { ApiClient } from './api-client.ts';
import { jailFiles } from './jail.ts';

/** Where the guest agent listens on vsock. */
export const agentPort = 5252;
const guestContextId = 3;
/** Without them a guest looks for devices that are not there. */
const consoleArguments =
  'console=ttyS0 8250.nr_uarts=1 i8042.noaux i8042.nomux i8042.dumbkbd pci=off tsc=reliable no_timer_check';

/** Describes a machine to a waiting Firecracker; its files are in the jail already. Throws plain errors. */
export async function describeMachine(api: ApiClient, spec: MachineSpec): Promise<void> {
  await api.call('PUT', '/machine-config', { vcpu_count: spec.vcpus, mem_size_mib: spec.memoryMib });
  await api.call('PUT', '/boot-source', {
    kernel_image_path: `/${jailFiles.kernel}`,
    initrd_path: `/${jailFiles.initramfs}`,
    boot_args: `${consoleArguments} ${spec.commandLine} overlay=/dev/vdb agent.vsock=${agentPort}`,
  });
  const drive = (drive_id: string, path_on_host: string, is_read_only: boolean): Promise<unknown> =>
    api.call('PUT', `/drives/${drive_id}`, { drive_id, path_on_host, is_root_device: false, is_read_only });
  await drive('disk', `/${jailFiles.disk}`, true);
  await drive('overlay', `/${jailFiles.overlay}`, false);
  await api.call('PUT', '/vsock', { guest_cid: guestContextId, uds_path: jailFiles.vsock });
  await api.call('PUT', '/entropy', {});
}
