/**
 * The short-lived process that asks PAM and crypt(3) about one password, once. Started ahead by verifier.ts;
 * reads one request from standard input, writes one line of evidence to descriptor 3, exits.
 *
 * Input: one byte, which says that a reset has begun; then what helper-request.ts frames. Input that ends before that ends
 * the helper.
 */
import { readSync, writeSync } from 'node:fs';
import type { HelperEvidence } from './evidence.ts';
import { readRequest, type HelperRequest } from './helper-request.ts';
import { forbidDumps, openPam, passwordMatchesHash } from './pam.ts';
import type { PamTransaction } from './pam.ts';

const EVIDENCE_DESCRIPTOR = 3;

/** The helper's whole life. `service` is null to compare hashes only. The packaged agent calls it from executable.ts. */
export function runVerifyHelper(service: string | null): void {
  forbidDumps();
  if (readSync(0, Buffer.alloc(1)) === 0) process.exit(0);
  // All that can be done before the password is there is done now, while it is still being set; not earlier, because
  // a helper that waited for long would hold an old configuration of PAM.
  const pam = service === null ? null : prepare(service);
  const input = readRequest(readStandardInput);
  if (input === null) process.exit(0);
  const evidence = gather(input.request, input.password, pam);
  input.password.fill(0);
  writeSync(EVIDENCE_DESCRIPTOR, `${JSON.stringify(evidence)}\n`);
  process.exit(0);
}

function prepare(service: string): PamTransaction | string {
  try {
    return openPam(service);
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : 'libpam cannot be used';
  }
}

function gather(request: HelperRequest, password: Buffer, pam: PamTransaction | string | null): HelperEvidence {
  const evidence: HelperEvidence = {
    authenticate: null,
    account: null,
    hiddenPrompts: 0,
    visiblePrompts: 0,
    hash: 'not-tried',
    error: '',
  };
  if (typeof pam === 'string') evidence.error = pam;
  else if (pam !== null && request.authenticate) Object.assign(evidence, pam.authenticate(request.account, password));
  const proven = evidence.authenticate === 0 && evidence.account === 0 && evidence.hiddenPrompts === 1;
  return proven ? evidence : { ...evidence, hash: compare(request.hash, password) };
}

function compare(hash: string | null, password: Buffer): HelperEvidence['hash'] {
  if (hash === null) return 'absent';
  try {
    const matches = passwordMatchesHash(hash, password);
    return matches === null ? 'unsupported' : matches ? 'match' : 'mismatch';
  } catch {
    return 'unsupported';
  }
}

function readStandardInput(into: Uint8Array): number {
  return readSync(0, into);
}

if (import.meta.main) runVerifyHelper(process.argv[2] ?? null);
