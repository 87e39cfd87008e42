/** Who makes a request. For now there is one person, the owner; services act for the owner between our own processes. */
export interface Principal {
  readonly kind: 'owner' | 'service';
  /** How it was proved. `loopback` only with --open-on-loopback. */
  readonly via: 'session' | 'api-key' | 'service-key' | 'loopback';
  /** Stable id for logs and ownership: `owner`, or the id of the key. */
  readonly id: string;
}
