/** Why a release is not taken; the message says what to do. */
export type ReleaseErrorCode =
  | 'release-file-unreadable'
  | 'release-statement-malformed'
  | 'release-signature-wrong'
  | 'release-key-unknown'
  | 'release-key-differs'
  | 'release-archive-differs'
  | 'release-exists';

export class ReleaseError extends Error {
  readonly code: ReleaseErrorCode;

  constructor(code: ReleaseErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'ReleaseError';
    this.code = code;
  }
}
