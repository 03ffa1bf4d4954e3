import { fieldLines } from '../output/table.ts';
import { CommonFlags, handleConnected, print, type AddVerb } from './support.ts';

/** `latchkey whoami`. */
export const addWhoami: AddVerb = (command, context) => {
  command.option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ flags, ports, routes, server }) => {
    const me = await routes.whoami();
    print(ports, flags.json, me, () =>
      fieldLines([
        ['control plane', server],
        ['token', `${me.name} (${me.tokenId})`],
        ['role', me.role],
        ['projects', me.projects?.join(', ') ?? 'all'],
        ['accounts', me.accounts?.join(', ') ?? 'all'],
        ['privileged', me.privileged ? 'may reset privileged accounts' : 'no'],
      ]),
    );
    return 0;
  });
};
