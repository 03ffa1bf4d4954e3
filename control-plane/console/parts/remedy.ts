import { texts } from '../texts/index.ts';

const REMEDIES: Readonly<Record<string, string | undefined>> = texts.remedies;

/** What to do about a code, in the words of this console where it has its own; else in those that came with the code. */
export function remedyOf({ code, remedy }: { readonly code: string; readonly remedy: string }): string {
  return (Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined) ?? remedy;
}
