export { ensureGuestAgent } from './guest-agent.ts';
export { ensureImage } from './image.ts';
export type { Image } from './manifest.ts';
export { guestAgentPackages, imagePackages } from './packages.ts';
