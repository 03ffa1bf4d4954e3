import * as z from 'zod';
import { INSTALL_CODES, type InstallCode } from '../codes/install.ts';
import { base64UrlBytes, Digest } from '../encoding.ts';
import { TokenId } from '../ids.ts';
import { DETAIL_CHARS_MAX } from '../limits.ts';
import { SignedRelease } from '../release.ts';
import { plainText } from '../text.ts';

/** What the installer of a host may say. */
export const InstallReason = z.enum(Object.keys(INSTALL_CODES) as [InstallCode, ...InstallCode[]]);

const Credential = { tokenId: TokenId, secret: base64UrlBytes(32, 32) };

/** How an installation goes; the join token that it was given is the credential. */
export const InstallProgress = z.discriminatedUnion('state', [
  z.strictObject({ ...Credential, state: z.literal('installing') }),
  z.strictObject({
    ...Credential,
    state: z.literal('install-failed'),
    code: InstallReason,
    /** What is special about this host: a claim of whoever holds the token. */
    detail: plainText(DETAIL_CHARS_MAX).nullable(),
  }),
]);
export type InstallProgress = z.infer<typeof InstallProgress>;

/** The signed catalogue, newest first. To be believed by the release key that its reader has pinned, and not before. */
export const ReleaseList = z.object({
  items: z.array(SignedRelease),
  /** SHA-256 of the installation script that is served. */
  installScript: Digest,
});
export type ReleaseList = z.infer<typeof ReleaseList>;

/** The script that a host runs to install the agent: public, and without secrets. */
export const INSTALL_SCRIPT_PATH = '/install/linux.sh';
