export { sessionCookieName } from './credentials.ts';
export { createGateway, type Gateway } from './gateway.ts';
export { mayNameModelAddress } from './policy.ts';
export { createRemoteAuthenticator } from './remote-authenticator.ts';
export { RemoteApprover } from './remote-approver.ts';
export { addGatewayRoutes } from './routes.ts';
