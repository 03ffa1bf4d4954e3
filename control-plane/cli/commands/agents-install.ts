import type { Command } from 'commander';
import * as z from 'zod';
import {
  cloudConfig,
  hexOf,
  installLine,
  InstanceName,
  playbook,
  ReleaseVersion,
  type CreatedToken,
  type CreateToken,
  type ReleaseStatement,
} from '#protocol';
import { clientError, usageError } from '../errors.ts';
import { checkJoinToken, SCRIPT_KEY_FLAG } from '../identities/script-key.ts';
import { authorityFor } from '../install/authority.ts';
import { believedReleases, releaseFor } from '../install/choose-release.ts';
import { installScriptSha256 } from '../install/script.ts';
import { timeText } from '../output/format.ts';
import type { Session } from '../session.ts';
import {
  CommonFlags,
  handleConnected,
  print,
  readArgument,
  type AddVerb,
  type CommandContext,
  type Input,
} from './support.ts';
import { tokenRequest } from './tokens.ts';

/** User data is kept where it is: it is good for as long as a machine takes to start, unless you say otherwise. */
const CLOUD_INIT_TTL = '15m';

export const KeyFlags = CommonFlags.extend({ releaseKey: z.string().optional() });

const InstallFlags = KeyFlags.extend({
  os: z.string().default('linux'),
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
  format: z.enum(['line', 'cloud-init', 'ansible']).default('line'),
  scriptKey: z.string().optional(),
});
type InstallFlags = z.infer<typeof InstallFlags>;
type Given = Input<InstallFlags> & Session;

/** `latchkey agents install-command`. */
export const addInstallCommand: AddVerb = (parent: Command, context: CommandContext) => {
  const command = parent
    .command('install-command')
    .description('print the line that installs the agent on a host; it holds a join token')
    .option('--os <OS>', 'linux (the only one in this version)')
    .option('--arch <ARCH>', 'x64 or arm64 (default: x64)')
    .option('--version <V>', 'of the agent (default: the newest finished one)')
    .option('--project <P>', 'where the instances join (default: default)')
    .option('--instance <NAME>', 'for this instance, which was added before: its state shows how the installation goes')
    .option('--re-enrol', 'the instance may replace the identity that it has')
    .option('--name <NAME>', 'what the instance is called (default: its host name)')
    .option('--uses <N>', 'how many hosts may install with it (default: 1)')
    .option('--ttl <SPAN>', `how long it is good: 15m, 1h, 1d (default: 1h; cloud-init: ${CLOUD_INIT_TTL})`)
    .option('--no-service', 'for hosts without systemd: install and enrol, and leave it to others to run the agent')
    .option('--agent-url <URL>', 'the control plane as the host reaches it (default: as this command does)')
    .option('--format <FORMAT>', 'line, cloud-init (user data), ansible (a playbook without a token) (default: line)')
    .option('--release-key <SHA256:…>', 'the key that signs releases: pins it, also in place of another one')
    .option(...SCRIPT_KEY_FLAG)
    .option('--json', 'print one JSON object');
  handleConnected(command, context, InstallFlags, installCommand);
};

async function installCommand(given: Given): Promise<number> {
  const { flags, ports, routes, server } = given;
  const wanted = readWanted(flags, server);
  // Before a token is made: what cannot be believed costs none.
  const list = await routes.releases.list();
  const scriptSha256 = installScriptSha256();
  if (hexOf(list.installScript) !== scriptSha256) throw clientError('install-script-differs');
  const releases = await believedReleases(list, { ports, server, named: flags.releaseKey });
  const release = releaseFor(releases, wanted);
  if (flags.format === 'ansible') {
    for (const text of playbook(ansibleOptions(flags, wanted.url))) ports.terminal.out(text);
    ports.terminal.err(
      'A playbook without a secret: keep it, and run it with "ansible-playbook". Each host gets a line of its own.',
    );
    return 0;
  }
  const pem = await routes.releases.authority();
  const created = await routes.tokens.create(wanted.request);
  await checkJoinToken(created.token, { ports, server, named: flags.scriptKey });
  const { name, service, url } = wanted;
  const line = installLine({
    ...{ url, scriptSha256, release, archiveSha256: hexOf(release.digest), name, service },
    ...{ token: created.token, authority: await authorityFor(created.token, pem) },
  });
  show(given, { line, release, created });
  return 0;
}

function readWanted(flags: InstallFlags, server: string) {
  const { arch, format, service } = flags;
  const os = readOs(flags.os);
  const url = agentUrl(flags.agentUrl ?? server);
  const name = flags.name === undefined ? null : readArgument(InstanceName, '--name', flags.name);
  if (name !== null && flags.instance !== undefined) throw usageError('--name', 'does not go with --instance');
  if (format !== 'line' && flags.json) throw usageError('--json', `does not go with --format ${format}`);
  const version = flags.version === undefined ? null : readArgument(ReleaseVersion, '--version', flags.version);
  return { name, url, version, service, platform: `${os}-${arch}` as const, request: joinRequest(flags) };
}

function readOs(os: string): 'linux' {
  if (os === 'linux') return os;
  const why = os === 'windows' ? 'windows: this version has no agent for Windows' : 'is not linux';
  throw usageError('--os', `${why}. There is one for linux alone`);
}

function joinRequest({ project, instance, reEnrol, uses, ttl, format, json }: InstallFlags): CreateToken {
  const projects = project === undefined ? [] : [project];
  const good = ttl ?? (format === 'cloud-init' ? CLOUD_INIT_TTL : undefined);
  return tokenRequest({ type: 'join', project: projects, account: [], instance, reEnrol, uses, ttl: good, json });
}

/** It stands between single quotes in the line. */
function agentUrl(text: string): string {
  const url = URL.parse(text);
  const bare = url?.pathname === '/' && `${url.search}${url.hash}${url.username}${url.password}` === '';
  if (url?.protocol !== 'https:' || !bare)
    throw usageError('--agent-url', 'must be an https URL of a host and nothing else');
  return url.origin;
}

/** What was asked for, as words for the same command; all of it has been checked. */
function ansibleOptions(flags: InstallFlags, url: string): string[] {
  for (const name of ['name', 'instance', 'uses', 'reEnrol'] as const) {
    if (flags[name] === undefined) continue;
    const flag = name === 'reEnrol' ? 're-enrol' : name;
    throw usageError(
      `--${flag}`,
      'does not go with --format ansible: each host joins once, by its name in the inventory',
    );
  }
  const { version, project } = flags;
  return [
    ...['--arch', flags.arch, '--ttl', flags.ttl ?? CLOUD_INIT_TTL],
    ...(version === undefined ? [] : ['--version', version]),
    ...(project === undefined ? [] : ['--project', project]),
    ...(flags.agentUrl === undefined ? [] : ['--agent-url', url]),
    ...(flags.service ? [] : ['--no-service']),
  ];
}

interface Printed {
  readonly line: readonly string[];
  readonly release: ReleaseStatement;
  readonly created: CreatedToken;
}

function show({ flags, ports }: Given, { line, release, created }: Printed): void {
  const { name, version, platform } = release;
  const { id: tokenId, expiresAt } = created;
  const expires = timeText(expiresAt);
  const text = flags.format === 'cloud-init' ? cloudConfig(line, expires) : line;
  print(ports, flags.json, { command: line.join('\n'), tokenId, expiresAt, version, platform }, () => text);
  const how =
    flags.format === 'cloud-init'
      ? 'give it to a new machine as user data'
      : 'paste it into a root shell, or one with sudo';
  ports.terminal.err(
    `Installs ${name} ${version} (${platform}). Good until ${expires}: ${how}. Whoever has it can join: ` +
      `latchkey tokens revoke ${tokenId}`,
  );
}
