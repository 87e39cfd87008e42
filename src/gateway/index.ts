export { sessionCookieName } from './credentials.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export { mayNameModelAddress } from './policy.ts';
export { createRemoteAuthenticator, type RemoteAuthenticatorOptions } from './remote-authenticator.ts';
export { addGatewayRoutes } from './routes.ts';
