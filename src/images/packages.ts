/** A package that the host needs to build an image, and why. */
export interface HostPackage {
  readonly name: string;
  readonly reason: string;
}

/** What building an image needs on a Debian or Ubuntu host; what a normal user needs beyond root is marked. */
export const imagePackages: readonly HostPackage[] = [
  { name: 'mmdebstrap', reason: 'puts the root file system of the microVMs together from packages' },
  { name: 'e2fsprogs', reason: 'writes the root file system into an image (mke2fs)' },
  { name: 'xz-utils', reason: 'unpacks kernels that are packed with xz' },
  { name: 'fakechroot', reason: 'lets mmdebstrap work without root' },
  { name: 'fakeroot', reason: 'keeps the owners of files when the image is built without root' },
];

/** What building the guest agent needs where no new enough cargo is on PATH. */
export const guestAgentPackages: readonly HostPackage[] = [
  { name: 'cargo-web', reason: 'builds the guest agent (Rust)' },
  { name: 'libstd-rust-web-dev', reason: "Rust's standard library for the guest agent" },
  { name: 'gcc', reason: 'links the guest agent' },
  { name: 'libc6-dev', reason: 'the static C library in the guest agent' },
];

/** The packages inside the microVMs. */
export const guestPackages: readonly string[] = ['bash', 'ca-certificates', 'coreutils', 'nodejs', 'procps', 'python3'];
