// The sealing library speaks of keys in these names, which neither the language nor `platform.ts` declares. They are
// opaque here: keys are handed from the library back to it.

interface CryptoKey {
  readonly type: 'private' | 'public' | 'secret';
}

interface CryptoKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}
