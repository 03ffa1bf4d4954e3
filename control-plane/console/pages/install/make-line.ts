import {
  API_PREFIX,
  archiveNameOf,
  CertificateAuthority,
  chooseAuthority,
  chooseRelease,
  CreatedToken,
  hexOf,
  installLine,
  Instance,
  InstancePage,
  type InstanceName,
  type ProjectName,
  type ReleaseStatement,
  type Thumbprint,
} from '#protocol';
import * as z from 'zod';
import type { Client } from '../../api/client.ts';
import { ApiFailure, ownFailure } from '../../api/failure.ts';
import type { Wanted } from './form.ts';
import type { Catalogue } from './releases.ts';

/** A line with its join token: in the state of the page alone, and gone with it. */
export interface MadeLine {
  readonly text: readonly string[];
  readonly wanted: Wanted;
  readonly release: ReleaseStatement;
  /** SHA-256, hex. */
  readonly scriptSha256: string;
  readonly archive: string;
  readonly archiveSha256: string;
  /** Whether the line names the authority to believe. */
  readonly hasAuthority: boolean;
  /** The key that signs what the instance will run: the join token names it, and the control plane wrote that. */
  readonly scriptKey: Thumbprint;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | null;
  /** When the youngest instance was made that was there before: later ones may have joined by this line. */
  readonly since: number;
}

type Good = Extract<Catalogue, { is: 'good' }>;

/**
 * Makes the line. What can be known before the token is looked at before it. What the token itself says cannot: where that
 * is not to be believed, nobody ever has the token, and it is revoked.
 */
export async function makeLine(client: Client, catalogue: Good, wanted: Wanted): Promise<MadeLine> {
  const { platform, version, name, url, service } = wanted;
  const release = chooseRelease(catalogue.releases, { version, platform });
  if (release === null) throw ownFailure('release-missing');
  const pem = await authorityOf(client);
  const since = await youngest(client);
  const project = name === null ? wanted.project : await projectOf(client, name, wanted.project);
  const { reEnrol, uses, ttlMs } = wanted;
  const created = await client.send('POST', `${API_PREFIX}/tokens`, CreatedToken, {
    body: { type: 'join', project, instance: name, reEnrol, uses, ttlMs },
  });
  const choice = await chooseAuthority(created.token, pem);
  if (!choice.ok) {
    await client.send('DELETE', `${API_PREFIX}/tokens/${created.id}`, z.undefined());
    throw ownFailure(choice.why === 'authority-mismatch' ? choice.why : 'control-plane-answer-invalid');
  }
  const scriptSha256 = hexOf(catalogue.installScript);
  const archiveSha256 = hexOf(release.digest);
  const { token } = created;
  // A token that is bound to an instance says itself which.
  const text = installLine({
    ...{ url, scriptSha256, release, archiveSha256, service, token },
    ...{ name: null, authority: choice.authority },
  });
  const archive = archiveNameOf(release);
  const hasAuthority = choice.authority !== null;
  const { expiresAt } = created;
  const { scriptKey } = choice.token;
  return { text, wanted, release, scriptSha256, archive, archiveSha256, hasAuthority, scriptKey, expiresAt, since };
}

/** Null where the control plane has a public certificate. */
async function authorityOf(client: Client): Promise<string | null> {
  try {
    return (await client.get(`${API_PREFIX}/ca`, CertificateAuthority)).pem;
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 'route-not-found') return null;
    throw error;
  }
}

async function youngest(client: Client): Promise<number> {
  const page = await client.get(`${API_PREFIX}/instances?sort=createdAt&order=desc&limit=1`, InstancePage);
  return page.items[0]?.createdAt ?? 0;
}

/** The project of that instance, which is added where it is not there yet. */
async function projectOf(client: Client, name: InstanceName, project: ProjectName): Promise<ProjectName> {
  try {
    return (await client.get(`${API_PREFIX}/instances/${name}`, Instance)).project;
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.code !== 'instance-not-found') throw error;
  }
  const added = await client.send('POST', `${API_PREFIX}/instances`, Instance, {
    body: { name, os: 'linux', project },
  });
  return added.project;
}
