import * as z from 'zod';
import { CLAIM_CHARS_MAX } from './limits.ts';

/**
 * What must never reach a terminal or a page from a peer: C0 and C1 controls, line and paragraph separators, marks that
 * reorder or hide text (bidirectional controls, zero-width characters, soft hyphen, tags) and lone surrogates.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/** Text with everything unsafe replaced by `�` and cut to `maxChars`: for showing what a peer said. */
export function printable(text: string, maxChars = CLAIM_CHARS_MAX): string {
  const clean = text.replace(UNSAFE, '\ufffd');
  return clean.length <= maxChars ? clean : `${clean.slice(0, Math.max(0, maxChars - 1))}…`;
}

/** Whether text can be shown as it is. */
export function isPrintable(text: string): boolean {
  return text.search(UNSAFE) === -1;
}

/** Single-line text of a person or a peer, refused rather than repaired when it holds anything unsafe. */
export function plainText(maxChars: number) {
  return z.string().max(maxChars).refine(isPrintable, 'must not hold control or invisible characters');
}

/** Text that an agent says about itself: a claim, never an input to a policy. */
export const Claim = plainText(CLAIM_CHARS_MAX);
export type Claim = z.infer<typeof Claim>;
