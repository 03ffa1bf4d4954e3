import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** The packaged agent is its own helper, when it is started with this. Nobody else has a use for it. */
export const HELPER_VERB = 'verify-helper';

/** How the process that asks PAM is started; the name of the PAM service is appended. */
export function helperCommand(): { readonly file: string; readonly args: readonly string[] } {
  const file = process.execPath;
  // What the runtime is told stands in the executable.
  if (isSea()) return { file, args: [HELPER_VERB] };
  // No signal opens a debugger on a process that holds a password.
  return { file, args: ['--disable-sigusr1', fileURLToPath(new URL('verify-helper.ts', import.meta.url))] };
}
