export { type BuildOptions, type Progress } from './cache.ts';
export { type GuestAgentOptions, ensureGuestAgent } from './guest-agent.ts';
export { type ImageOptions, ensureImage } from './image.ts';
export { type Image, type Manifest, openImage, verifyImage } from './manifest.ts';
export { type HostPackage, guestAgentPackages, guestPackages, imagePackages } from './packages.ts';
