/** The names of the files in a keys directory. */
export const FILES = {
  authorityKey: 'ca.key',
  authorityCertificate: 'ca.crt',
  /** How the authorities before vouch for their successors, newest first; there after a rotation. */
  authorityChain: 'ca-chain.crt',
  /** The new ones while they are being rotated in. */
  nextAuthorityKey: 'ca.key.next',
  nextAuthorityCertificate: 'ca.crt.next',
  nextAuthorityChain: 'ca-chain.crt.next',
  tlsKey: 'tls.key',
  tlsCertificate: 'tls.crt',
  orderKey: 'order.key',
  /** The new order key while it is being rotated in. */
  nextOrderKey: 'order.key.next',
  /** Made at the first start, never opened again by the server; to be moved to where it is offline. */
  scriptKey: 'script.key',
  keySet: 'key-set.json',
  catalogue: 'catalogue.json',
  /** The fingerprint of the key that signs releases of the agent; public. Pinned when the first one is added. */
  releaseKey: 'release-key',
  /** Left for the first administrator, or the one that was recovered, who deletes it. */
  administratorToken: 'administrator-token',
  /** There while the first start is making the others; what it finds beside it was never used. */
  firstStart: '.first-start',
} as const;
