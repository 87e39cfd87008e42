import type { MachineSpec } from '../driver.ts';

/** File descriptors that every QEMU process of ours inherits, in this order; the frozen layers come last, the lowest first. */
export const descriptors = { console: 3, kernel: 4, initramfs: 5, disk: 6, memory: 7, deviceState: 8, frozenLayers: 9 };

/** Names inside a machine's own directory, which is the working directory of its process. */
export const fileNames = {
  control: 'control.sock',
  agent: 'agent.sock',
  migration: 'migration.sock',
  memory: 'memory',
  pageMap: 'page-map',
  deviceState: 'state',
  savedState: 'saved-state',
} as const;

/** A disk layer, counted from the lowest. */
export const layerName = (index: number): string => `layer-${index}.qcow2`;

/** What QEMU calls the layer in this file, which the machine writes or has written. */
export const toNodeName = (layer: string): string => layer.replace('.qcow2', '');

export interface CommandLineOptions {
  readonly binary: string;
  readonly name: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly spec: MachineSpec;
  /** A template's memory is a file of its own; the others map one privately, and a clone waits for its device state. */
  readonly role: 'template' | 'booted' | 'clone';
  /** Layers between the base image and the machine's own. */
  readonly frozenLayers: number;
  /** The file of the layer that it writes. */
  readonly layer: string;
}

const mebibyte = (count: number): string => `${count}M`;
/**
 * Emulation translates code anew for every address that it appears at: with programs always at the same ones, node starts in
 * half of the time. The guest's programs lose a hardening against each other, not the border of the machine.
 */
const fixedAddresses = 'norandmaps';
/** Opening through /proc asks for rights on the file alone, so no directory above it has to be open to the machine's user. */
const inherited = (descriptor: number): string => `/proc/self/fd/${descriptor}`;

/** Writes QEMU's command line. `-M pc` with the uncompressed kernel boots fastest; the options on migration keep snapshots small and portable. */
export function toCommandLine(options: CommandLineOptions): readonly [string, ...string[]] {
  const { spec, accelerator } = options;
  const accelerate = accelerator === 'kvm' ? 'kvm -cpu host' : 'tcg,thread=multi,tb-size=64 -cpu max';
  const words = (text: string): readonly string[] => text.split(' ');
  return [
    options.binary,
    '-name',
    options.name,
    ...words('-nodefaults -no-user-config -display none -no-reboot'),
    ...words('-M pc,suppress-vmdesc=on,memory-backend=ram -global migration.send-configuration=off'),
    ...words(`-accel ${accelerate} -smp ${spec.vcpus} -m ${mebibyte(spec.memoryMib)}`),
    ...memory(options),
    ...words(`-kernel ${inherited(descriptors.kernel)} -initrd ${inherited(descriptors.initramfs)}`),
    '-append',
    `console=ttyS0 ${accelerator === 'kvm' ? '' : `${fixedAddresses} `}${spec.commandLine}`,
    ...words(`-chardev socket,id=console,fd=${descriptors.console} -serial chardev:console`),
    ...words(`-device virtio-serial-pci -chardev socket,id=agent,path=${fileNames.agent},server=on,wait=off`),
    ...words('-device virtserialport,chardev=agent,name=agent -device virtio-rng-pci'),
    ...disks(options),
    ...words(`-qmp unix:${fileNames.control},server=on,wait=off`),
    ...words('-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'),
    ...(options.role === 'clone' ? words('-incoming defer') : []),
  ];
}

function memory({ spec, role }: CommandLineOptions): readonly string[] {
  const path = role === 'template' ? fileNames.memory : inherited(descriptors.memory);
  const share = role === 'template' ? 'on' : 'off';
  return ['-object', `memory-backend-file,id=ram,size=${mebibyte(spec.memoryMib)},mem-path=${path},share=${share}`];
}

/** Base image, frozen layers of the snapshot, own layer; the device sees `top`, below which layers can be exchanged while it runs. */
function disks({ frozenLayers, layer }: CommandLineOptions): readonly string[] {
  const readOnly = 'read-only=on,file.driver=file,file.read-only=on,file.locking=off';
  const arguments_ = ['-add-fd', `fd=${descriptors.disk},set=1`];
  arguments_.push('-blockdev', `driver=raw,node-name=base,file.filename=/dev/fdset/1,${readOnly}`);
  let below = 'base';
  for (let index = 0; index < frozenLayers; index += 1) {
    const [name, set] = [`frozen${index}`, 2 + index];
    arguments_.push('-add-fd', `fd=${descriptors.frozenLayers + index},set=${set}`);
    const file = `file.filename=/dev/fdset/${set},${readOnly}`;
    arguments_.push('-blockdev', `driver=qcow2,node-name=${name},backing=${below},${file}`);
    below = name;
  }
  const own = `file.driver=file,file.filename=${layer},file.locking=off,cache.no-flush=on`;
  const node = toNodeName(layer);
  arguments_.push('-blockdev', `driver=qcow2,node-name=${node},backing=${below},discard=unmap,${own}`);
  arguments_.push('-blockdev', `driver=raw,node-name=top,file=${node}`, '-device', 'virtio-blk-pci,drive=top');
  return arguments_;
}
