import * as z from 'zod';
import { CLAIM_CHARS_MAX } from './limits.ts';

/**
 * What must never reach a terminal or a page from a peer, by its Unicode property: C0 and C1 controls; line and
 * paragraph separators; marks that reorder or hide text (bidirectional controls, zero-width characters, soft hyphen,
 * tags); what shows nothing by default (variation selectors, fillers); lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Half of a pair that a cut went through. */
const CUT_PAIR = /[\ud800-\udbff]$/;

/** Text with everything unsafe replaced by `�` and cut to `maxChars` UTF-16 units: for showing what a peer said. */
export function printable(text: string, maxChars = CLAIM_CHARS_MAX): string {
  const clean = text.replace(UNSAFE, '\ufffd');
  if (clean.length <= maxChars) return clean;
  return maxChars < 1 ? '' : `${clean.slice(0, maxChars - 1).replace(CUT_PAIR, '')}…`;
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
