import type { Command } from 'commander';
import { hexOf } from '#protocol';
import { believedReleases } from '../install/choose-release.ts';
import { tableLines } from '../output/table.ts';
import { addInstallCommand, KeyFlags } from './agents-install.ts';
import { handleConnected, print, type AddVerb, type CommandContext } from './support.ts';

/** `latchkey agents …`. */
export const addAgents: AddVerb = (command, context) => {
  addInstallCommand(command, context);
  addReleases(command, context);
};

function addReleases(parent: Command, context: CommandContext): void {
  const command = parent
    .command('releases')
    .description('the releases of the agent that hosts can install')
    .option('--release-key <SHA256:…>', 'the key that signs releases: pins it, also in place of another one')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, KeyFlags, async ({ flags, ports, routes, server }) => {
    const items = await believedReleases(await routes.releases.list(), { ports, server, named: flags.releaseKey });
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
