/** Why the keys cannot be used; the message says what to do. Never holds key material. */
export type KeyringErrorCode =
  | 'key-file-missing'
  | 'key-file-exposed'
  | 'key-file-malformed'
  | 'key-set-invalid'
  | 'order-key-inactive'
  | 'authority-inactive'
  | 'authority-rotation-unfinished'
  | 'authority-rotation-not-begun'
  | 'script-key-not-accepted'
  | 'catalogue-invalid'
  | 'catalogue-outdated'
  | 'tls-certificate-unfit';

export class KeyringError extends Error {
  readonly code: KeyringErrorCode;

  constructor(code: KeyringErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'KeyringError';
    this.code = code;
  }
}
