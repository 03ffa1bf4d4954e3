import { mkdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { InstanceName, ProjectName, thumbprintOf, type CreateToken } from '#protocol';
import type { Routes } from '../../../control-plane/cli/api/routes.ts';
import { DATABASE_FILE, RELEASES_DIRECTORY } from '../../../control-plane/server/data-directory.ts';
import type { Actor } from '../../../control-plane/server/domain/actor.ts';
import { addRelease } from '../../../control-plane/server/releases/add-release.ts';
import { systemClock, systemRandom } from '../../../control-plane/server/runtime.ts';
import { newInstance } from '../../../control-plane/server/service/instance-service.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { Store } from '../../../control-plane/server/store/store.ts';
import { startControlPlane } from '../../bench/control-plane.ts';
import { ADMINISTRATOR } from '../core-world.ts';
import { newIdentity } from '../fake-agent.ts';
import { newSigner } from '../keys.ts';
import { writeRelease } from '../release.ts';
import { FLEET, PROJECTS, type Member } from './fleet.ts';
import { makeHistory, type Enrolled } from './history.ts';

const AGE_MS = 15 * 24 * 3_600_000;

/**
 * Makes the files of a control plane in the directory: its keys and its first token by starting it once, then, while it
 * is stopped, the fleet and its past. Returns those members that have an identity.
 */
export async function prepare(directory: string, signal: AbortSignal): Promise<readonly Enrolled[]> {
  const actors = await firstDay(directory, signal);
  await addReleases(directory);
  const store = await openSqliteStore({ path: join(directory, 'data', DATABASE_FILE) });
  try {
    const enrolled: Enrolled[] = [];
    for (const member of FLEET) enrolled.push(...(await addMember(store, member)));
    await makeHistory(store, enrolled, actors);
    return enrolled;
  } finally {
    await store.close();
  }
}

/** Who works here, and for what online reset is enabled. */
async function firstDay(
  directory: string,
  signal: AbortSignal,
): Promise<Readonly<Record<'oncall' | 'rotation', Actor>>> {
  await using controlPlane = await startControlPlane(directory, signal);
  const { routes } = controlPlane;
  const { version } = await routes.service.statement();
  for (const project of PROJECTS) await routes.service.change(project, { enabled: true, statementVersion: version });
  await routes.service.change('lab', { enabled: false });
  const oncall = await createActor(routes, 'oncall');
  const rotation = await createActor(routes, 'rotation');
  await routes.tokens.create({ type: 'api', name: 'monitoring', role: 'viewer' });
  const life = { ttlMs: 30 * 24 * 3_600_000 };
  await routes.tokens.create({ type: 'api', name: 'contractor', role: 'operator', projects: ['edge'], ...life });
  const gone = await routes.tokens.create({ type: 'api', name: 'old-laptop', role: 'administrator' });
  await routes.tokens.revoke(gone.id);
  return { oncall, rotation };
}

async function createActor({ tokens }: Routes, name: string): Promise<Actor> {
  const request = { type: 'api', name, role: 'operator', privileged: true } satisfies CreateToken;
  const { id: tokenId } = await tokens.create(request);
  return { ...ADMINISTRATOR, tokenId, name, role: 'operator' };
}

/** Two, of which the newer one is for both processors. */
async function addReleases(directory: string): Promise<void> {
  const signer = await newSigner();
  const made = join(directory, 'releases-made');
  await mkdir(made);
  const releaseKey = await thumbprintOf(signer.publicKey, 'Ed25519');
  for (const [version, platform] of [
    ['0.3.0', 'linux-x64'],
    ['0.3.1', 'linux-x64'],
    ['0.3.1', 'linux-arm64'],
  ] as const) {
    const { archive, statement } = await writeRelease(made, signer, randomBytes(1000), { version, platform });
    const [dir, keysDir] = [join(directory, 'data', RELEASES_DIRECTORY), join(directory, 'keys')];
    await addRelease({ dir, keysDir, archive, statement, releaseKey });
  }
}

/** As enrolment would, some time ago. */
async function addMember(store: Store, member: Member): Promise<Enrolled[]> {
  const { os, power } = member;
  const clock = { ...systemClock, now: () => systemClock.now() - AGE_MS };
  const [name, project] = [InstanceName.parse(member.name), ProjectName.parse(member.project)];
  const fresh = newInstance({ clock, random: systemRandom }, { name, os, project, tags: member.tags });
  const record = { ...fresh, power };
  if (member.agent === 'added') {
    await store.transaction((tx) => tx.instances.insert(record));
    return [];
  }
  const identity = await newIdentity(record.id);
  const { key, publicKey } = identity.signer;
  const joined = { identity: key, identityKey: publicKey, agentState: 'offline' } as const;
  await store.transaction((tx) => tx.instances.insert({ ...record, ...joined }));
  return [{ member, identity }];
}
