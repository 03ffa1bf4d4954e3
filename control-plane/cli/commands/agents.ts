import type { Command } from 'commander';
import * as z from 'zod';
import {
  fingerprintOf,
  fromBase64Url,
  InstanceName,
  ReleaseVersion,
  Thumbprint,
  type ReleaseList,
  type ReleaseStatement,
} from '#protocol';
import { clientError, usageError } from '../errors.ts';
import { installLine } from '../install/line.ts';
import { authorityFor } from '../install/authority.ts';
import { chooseRelease, openReleases } from '../install/choose-release.ts';
import { installScriptSha256 } from '../install/script.ts';
import { timeText } from '../output/format.ts';
import { tableLines } from '../output/table.ts';
import type { Ports } from '../ports.ts';
import { releaseKeyStoreOf } from '../state.ts';
import { CommonFlags, handleConnected, print, readArgument, type AddVerb, type CommandContext } from './support.ts';
import { tokenRequest } from './tokens.ts';

/** `latchkey agents …`. */
export const addAgents: AddVerb = (command, context) => {
  addInstallCommand(command, context);
  addReleases(command, context);
};

const KeyFlags = CommonFlags.extend({ releaseKey: z.string().optional() });

const InstallFlags = KeyFlags.extend({
  os: z.enum(['linux']).default('linux'),
  arch: z.enum(['x64', 'arm64']).default('x64'),
  version: z.string().optional(),
  project: z.string().optional(),
  instance: z.string().optional(),
  reEnrol: z.boolean().optional(),
  name: z.string().optional(),
  uses: z.coerce.number().optional(),
  ttl: z.string().optional(),
  service: z.boolean().default(true),
  agentUrl: z.string().optional(),
});
type InstallFlags = z.infer<typeof InstallFlags>;

function addInstallCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command('install-command')
    .description('print the line that installs the agent on a host; it holds a join token')
    .option('--os <OS>', 'linux')
    .option('--arch <ARCH>', 'x64 or arm64 (default: x64)')
    .option('--version <V>', 'of the agent (default: the newest finished one)')
    .option('--project <P>', 'where the instances join (default: default)')
    .option('--instance <NAME>', 'for this instance, which was added before: its state shows how the installation goes')
    .option('--re-enrol', 'the instance may replace the identity that it has')
    .option('--name <NAME>', 'what the instance is called (default: its host name)')
    .option('--uses <N>', 'how many hosts may install with it (default: 1)')
    .option('--ttl <SPAN>', 'how long it is good: 15m, 1h, 1d (default: 1h)')
    .option('--no-service', 'for hosts without systemd: install and enrol, and leave it to others to run the agent')
    .option('--agent-url <URL>', 'the control plane as the host reaches it (default: as this command does)')
    .option('--release-key <SHA256:…>', 'the key that signs releases: pins it, also in place of another one')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, InstallFlags, async ({ flags, ports, routes, server }) => {
    const url = agentUrl(flags.agentUrl ?? server);
    const name = flags.name === undefined ? null : readArgument(InstanceName, '--name', flags.name);
    if (name !== null && flags.instance !== undefined) throw usageError('--name', 'does not go with --instance');
    const request = tokenRequest({ ...joinFlags(flags), json: flags.json });
    const version = flags.version === undefined ? null : readArgument(ReleaseVersion, '--version', flags.version);
    // Before a token is made: what cannot be believed costs none.
    const list = await routes.releases.list();
    const scriptSha256 = installScriptSha256();
    if (hexOf(list.installScript) !== scriptSha256) throw clientError('install-script-differs');
    const releases = await believed(list, { ports, server, named: flags.releaseKey });
    const release = chooseRelease(releases, { version, platform: `${flags.os}-${flags.arch}` });
    const pem = await routes.releases.authority();
    const created = await routes.tokens.create(request);
    const lines = installLine({
      ...{ url, scriptSha256, release, archiveSha256: hexOf(release.digest), name, service: flags.service },
      ...{ token: created.token, authority: authorityFor(created.token, pem) },
    });
    const { id: tokenId, expiresAt } = created;
    const { platform, version: chosen } = release;
    print(ports, flags.json, { command: lines.join('\n'), tokenId, expiresAt, version: chosen, platform }, () => lines);
    ports.terminal.err(
      `Installs ${release.name} ${chosen} (${platform}). Good until ${timeText(expiresAt)}: paste it into a root shell, ` +
        `or one with sudo. Whoever has it can join: latchkey tokens revoke ${tokenId}`,
    );
    return 0;
  });
}

function joinFlags({ project, instance, reEnrol, uses, ttl }: InstallFlags) {
  const projects = project === undefined ? [] : [project];
  return { type: 'join' as const, project: projects, account: [], instance, reEnrol, uses, ttl };
}

/** It stands between single quotes in the line. */
function agentUrl(text: string): string {
  const url = URL.parse(text);
  const bare = url?.pathname === '/' && `${url.search}${url.hash}${url.username}${url.password}` === '';
  if (url?.protocol !== 'https:' || !bare)
    throw usageError('--agent-url', 'must be an https URL of a host and nothing else');
  return url.origin;
}

function hexOf(digest: string): string {
  return Buffer.from(fromBase64Url(digest)).toString('hex');
}

/**
 * The releases, signed by the key that is pinned for this control plane. The first one that is seen is pinned, and said;
 * another is taken only when the operator names it.
 */
async function believed(
  { items }: ReleaseList,
  from: { readonly ports: Ports; readonly server: string; readonly named: string | undefined },
): Promise<readonly ReleaseStatement[]> {
  const { ports, server } = from;
  const store = releaseKeyStoreOf(ports);
  const pinned = await store.find(server);
  const named =
    from.named === undefined ? null : readArgument(Thumbprint, '--release-key', from.named.replace(/^SHA256:/, ''));
  const key = named ?? pinned ?? items[0]?.statement.key ?? null;
  if (key === null) return [];
  const releases = await openReleases(items, key);
  if (key !== pinned) {
    await store.pin(server, key);
    const how = named === null ? 'seen for the first time; compare it with what its maker has published' : 'as named';
    ports.terminal.err(`The release key of ${server} is pinned: ${fingerprintOf(key)} (${how}).`);
  }
  return releases;
}

function addReleases(parent: Command, context: CommandContext): void {
  const command = parent
    .command('releases')
    .description('the releases of the agent that hosts can install')
    .option('--release-key <SHA256:…>', 'the key that signs releases: pins it, also in place of another one')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, KeyFlags, async ({ flags, ports, routes, server }) => {
    const items = await believed(await routes.releases.list(), { ports, server, named: flags.releaseKey });
    print(ports, flags.json, { items }, () => {
      const rows = items.map(({ version, platform, bytes, digest }) => [
        version,
        platform,
        String(bytes),
        hexOf(digest),
      ]);
      return tableLines(['VERSION', 'PLATFORM', 'BYTES', 'SHA-256'], rows);
    });
    return 0;
  });
}
