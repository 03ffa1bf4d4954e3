/**
 * Where the packaged agent starts: one file that is both the agent and the helper that asks PAM. scripts/package makes
 * it; in a checkout, main.ts and linux/verify-helper.ts are started instead. Each is loaded only where it is run.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { HELPER_VERB } from './linux/helper-command.ts';

/** Which memory of a process a core dump holds. Children inherit it. */
const DUMP_FILTER = '/proc/self/coredump_filter';

keepMemoryOutOfDumps();
start(process.argv.slice(2)).catch((error: unknown) => {
  // Whoever started the helper sees that it did not answer; a person sees why.
  process.stderr.write(`latchkey-agent: failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

async function start([verb, service]: readonly string[]): Promise<void> {
  if (verb !== HELPER_VERB) {
    await import('./main.ts');
    return;
  }
  const { runVerifyHelper } = await import('./linux/verify-helper.ts');
  runVerifyHelper(service ?? null);
}

/**
 * The unit forbids core files; whoever starts the agent by hand may allow them. Then they hold none of its memory, nor
 * that of the programs it starts.
 */
function keepMemoryOutOfDumps(): void {
  if (!existsSync(DUMP_FILTER)) return; // A kernel that writes no core files.
  try {
    writeFileSync(DUMP_FILTER, '0');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    process.stderr.write(`latchkey-agent: a crash may write memory to a core file (${code}).\n`);
  }
}
