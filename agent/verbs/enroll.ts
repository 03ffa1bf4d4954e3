import { createHash, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import {
  API_PREFIX,
  CertificateAuthority,
  Enrolled,
  ErrorBody,
  fingerprintOf,
  judgeFirstKeySet,
  parseJoinToken,
  printable,
  signJson,
  utf8,
  type Enrol,
  type EnrolmentRequest,
  type InstanceName,
  type JoinToken,
  type Signer,
} from '#protocol';
import { KEY_SET } from '../core/trust.ts';
import { AgentConfig, DEFAULT_STATE_DIRECTORY, IDENTITY, readEnrolment, writeConfig } from '../node/config.ts';
import { createIdentity, readIdentity, usable, verifySignature } from '../node/crypto.ts';
import { requestHttps, type HttpsAnswer, type HttpsRequest } from '../node/https.ts';
import { lockDirectory } from '../node/instance-lock.ts';
import { makeStateDirectory } from '../node/state-directory.ts';
import { createDirectoryStorage, removeLeftovers } from '../node/storage.ts';
import type { Storage } from '../ports.ts';
import { AGENT_VERSION } from '../version.ts';
import { instanceNameFor } from './instance-name.ts';
import { stateDamaged, stateDirectoryRefused, usageError, VerbError } from './failure.ts';

export interface EnrollOptions {
  readonly url: string;
  /** What the instance would like to be called; default: its host name, made to fit. */
  readonly name: string | null;
  readonly directory: string;
  /** The join token. */
  readonly token: string;
  readonly environment: NodeJS.ProcessEnv;
}

export interface Enrolment {
  readonly config: AgentConfig;
  /** Of the instance's identity, as operators compare it. */
  readonly fingerprint: string;
}

/**
 * Joins a control plane. The state directory counts as enrolled only once its last file is written; whatever interrupts
 * this before, it can be run again, with the same identity.
 */
export async function enroll(options: EnrollOptions): Promise<Enrolment> {
  const url = parseUrl(options.url);
  const name = instanceNameFor(options.name, hostname());
  const token = parseJoinToken(options.token);
  if (token === null) {
    throw new VerbError('join-token-invalid', 'That is not a join token.', 'Paste the whole token, from lkj_ on.', {
      exitCode: 2,
    });
  }
  const problem = makeStateDirectory(options.directory);
  if (problem !== null) throw stateDirectoryRefused(problem);
  const storage = createDirectoryStorage(options.directory);
  const lock = lockDirectory(options.directory);
  if (!lock.ok) throw alreadyEnrolled(options.directory);
  try {
    await removeLeftovers(options.directory);
    const earlier = await readEnrolment(storage);
    if (earlier.ok) throw alreadyEnrolled(options.directory);
    if (earlier.code === 'state-damaged') throw stateDamaged(options.directory, earlier.what);
    return await join({ url, name, token, storage, environment: options.environment });
  } finally {
    lock.release();
    await storage.close();
  }
}

/** What has been done, and what is left to do: an enrolment alone starts nothing, and nobody has compared anything yet. */
export function formatEnrolment({ config, fingerprint }: Enrolment, directory: string): string {
  const start =
    directory === DEFAULT_STATE_DIRECTORY
      ? 'systemctl enable --now latchkey-agent   (without systemd: latchkey-agent run)'
      : `latchkey-agent run --state ${directory}`;
  return [
    `Enrolled as ${config.name} (${config.instanceId}), project ${config.project}.`,
    `Fingerprint: ${fingerprint}`,
    '',
    'Next:',
    `  start the agent here:          ${start}`,
    `  pin it where you run latchkey: latchkey instances trust ${config.name} --fingerprint ${fingerprint}`,
  ].join('\n');
}

interface JoinOptions {
  readonly url: URL;
  readonly name: InstanceName;
  readonly token: JoinToken;
  readonly storage: Storage;
  readonly environment: NodeJS.ProcessEnv;
}

async function join({ url, name, token, storage, environment }: JoinOptions): Promise<Enrolment> {
  const ca = token.caPin === null ? null : await fetchAuthority(url, token.caPin, environment);
  const identity = await identityFor(storage);
  const body = await enrolBody(identity, token, name);
  const target = new URL(`${API_PREFIX}/agents/enroll`, url);
  const answer = await ask({ method: 'POST', url: target, body, trust: { ca }, environment });
  body.fill(0);
  if (answer.status >= 400) throw refusalOf(answer);
  const enrolled = parseAnswer(Enrolled, answer);
  const { scriptKey, keySetVersionMin } = token;
  const anchor = { scriptKey, keySetVersionMin };
  const verdict = usable(await judgeFirstKeySet(verifySignature, anchor, enrolled.keySet));
  if (!verdict.accept) {
    throw new VerbError(
      verdict.code,
      'The control plane presented a key set that the join token does not vouch for.',
      'Check that URL and token belong to the same control plane. If they do, look into who answers there.',
    );
  }
  const config = AgentConfig.parse({
    ...{ v: 1, url: url.origin, ca, serverId: verdict.keySet.serverId },
    ...{ instanceId: enrolled.instanceId, name: enrolled.name, project: enrolled.project },
  });
  await storage.replace(KEY_SET, utf8(JSON.stringify(enrolled.keySet)));
  await writeConfig(storage, config); // Last: this is what makes it enrolled.
  return { config, fingerprint: fingerprintOf(identity.key) };
}

/** The identity of an enrolment that was interrupted, or a new one; on disk before anybody hears of it. */
async function identityFor(storage: Storage): Promise<Signer> {
  const stored = await storage.read(IDENTITY);
  if (stored !== null) {
    try {
      return await readIdentity(stored);
    } catch {
      // Damaged, and nobody knows it: a new one takes its place.
    } finally {
      stored.fill(0);
    }
  }
  const { pkcs8, signer } = await createIdentity();
  try {
    await storage.replace(IDENTITY, pkcs8);
  } finally {
    pkcs8.fill(0);
  }
  return signer;
}

async function enrolBody(identity: Signer, token: JoinToken, name: InstanceName): Promise<Buffer> {
  const request: EnrolmentRequest = {
    v: 1,
    tokenId: token.id,
    publicKey: identity.publicKey,
    os: 'linux',
    name,
    hostname: printable(hostname()),
    agentVersion: AGENT_VERSION,
  };
  const { publicKey } = identity;
  const body: Enrol = {
    tokenId: token.id,
    secret: token.secret,
    publicKey,
    request: await signJson(identity, 'enrolment', request),
  };
  return Buffer.from(JSON.stringify(body));
}

/** The control plane's certificate authority. Whoever answers may say what it likes: only the pinned key is believed. */
async function fetchAuthority(url: URL, pin: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const target = new URL(`${API_PREFIX}/ca`, url);
  const answer = await ask({ method: 'GET', url: target, trust: 'unverified', environment });
  const { pem } = parseAnswer(CertificateAuthority, answer);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const pinned = blocks.find((block) => spkiDigest(block) === pin);
  if (pinned !== undefined) return `${pinned}\n`;
  throw new VerbError(
    'ca-pin-mismatch',
    'The certificate authority of the control plane is not the one that the join token names.',
    'Check that URL and token belong to the same control plane. If they do, somebody is in between.',
  );
}

function spkiDigest(pem: string): string | null {
  try {
    const spki = new X509Certificate(pem).publicKey.export({ format: 'der', type: 'spki' });
    return createHash('sha256').update(spki).digest('base64url');
  } catch {
    return null;
  }
}

async function ask(request: HttpsRequest): Promise<HttpsAnswer> {
  try {
    return await requestHttps(request);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no answer';
    throw new VerbError(
      'control-plane-unreachable',
      `The control plane at ${request.url.origin} could not be reached (${why}).`,
      'Check the URL, the network, HTTPS_PROXY and NO_PROXY; then run the same command again.',
      { cause },
    );
  }
}

function parseAnswer<T>(schema: { safeParse(value: unknown): { success: boolean; data?: T } }, answer: HttpsAnswer): T {
  const parsed = schema.safeParse(parseJson(answer.text));
  if (parsed.data !== undefined && answer.status < 400) return parsed.data;
  throw new VerbError(
    'answer-malformed',
    `The answer (status ${String(answer.status)}) is not one of a control plane.`,
    'Check the URL: it is the one that operators use, without a path.',
  );
}

/** The control plane's own words, cleaned of what could harm a terminal. */
function refusalOf(answer: HttpsAnswer): VerbError {
  const parsed = ErrorBody.safeParse(parseJson(answer.text));
  if (!parsed.success) return new VerbError('answer-malformed', `Status ${String(answer.status)}.`, 'Check the URL.');
  const { code, message, remedy } = parsed.data;
  return new VerbError(code, printable(message), printable(remedy));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'https:') throw usageError(`--url takes an address like https://latchkey.example.com:8443.`);
  return url;
}

const alreadyEnrolled = (directory: string) =>
  new VerbError(
    'already-enrolled',
    `${directory} is enrolled already, or in use.`,
    'Run "latchkey-agent status" to see where; "latchkey-agent uninstall" removes it.',
    { exitCode: 2 },
  );
