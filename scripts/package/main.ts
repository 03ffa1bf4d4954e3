/** `npm run package`: the agent as one executable, for this machine's architecture. */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPackage, OUTPUT } from './build.ts';
import { PackageError } from './failure.ts';

const USAGE = `Usage: npm run package -- [--out DIR]

Builds latchkey-agent for this machine's architecture: an archive, and the statement that "scripts/package/sign" signs.

  --out DIR   where to (default .cache/package)`;

try {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: OUTPUT }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) console.log(USAGE);
  else await report(resolve(values.out));
} catch (error) {
  if (!(error instanceof PackageError)) throw error;
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
}

async function report(out: string): Promise<void> {
  const { archive, statement, statementFile, fresh } = await buildPackage(out);
  const here = (path: string) => relative(process.cwd(), path);
  console.log(`${here(archive)}${fresh ? '' : ' (was there, from the same inputs)'}`);
  console.log(`  ${String(statement.bytes)} bytes, SHA-256 (base64url) ${statement.digest}`);
  console.log(`  sign it with: scripts/package/sign --release-key FILE ${here(statementFile)}`);
}
