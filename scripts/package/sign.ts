/** `scripts/package/sign`: the release key's word for an archive. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fingerprintOf } from '#protocol';
import { PackageError } from './failure.ts';
import { signRelease } from './release-key.ts';

const USAGE = `Usage: scripts/package/sign --release-key FILE STATEMENT

Signs what "npm run package" has stated (latchkey-agent-….unsigned.json), once the archive beside it has been hashed and
found to be that. Writes latchkey-agent-….json, which goes to a control plane with the archive. Makes the release key
if FILE is not there: keep it offline, and a copy of it elsewhere.`;

try {
  const { values, positionals } = parseArgs({
    options: { 'release-key': { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
    allowPositionals: true,
  });
  const { help, 'release-key': keyFile } = values;
  const [statementFile, ...more] = positionals;
  if (help) {
    console.log(USAGE);
  } else if (keyFile === undefined || statementFile === undefined || more.length > 0) {
    throw new PackageError('It needs --release-key FILE and one STATEMENT.', 'See --help.');
  } else {
    await sign(resolve(keyFile), resolve(statementFile));
  }
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(`sign: ${error.message}`);
  process.exitCode = 1;
}

async function sign(keyFile: string, statementFile: string): Promise<void> {
  const { signedFile, key, made } = await signRelease(keyFile, statementFile);
  if (made) console.log(`Made the release key ${keyFile}. Move it to where it is offline, and keep a copy.`);
  console.log(`${signedFile}\n  release key ${fingerprintOf(key)}`);
}
