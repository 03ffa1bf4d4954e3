import type { Command } from 'commander';
import * as z from 'zod';
import { fingerprintOf, indexPins, judgeIdentity, pinOf, thumbprintOf } from '#protocol';
import { mustConfirm } from '../confirm.ts';
import { clientError } from '../errors.ts';
import { readFingerprint } from '../identities/key-pins.ts';
import { fieldLines } from '../output/table.ts';
import { pinStoreOf } from '../state.ts';
import { CommonFlags, handleConnected, print, type CommandContext } from './support.ts';

const TrustFlags = CommonFlags.extend({
  fingerprint: z.string().optional(),
  knownInstances: z.string().optional(),
});

/** `latchkey instances trust`: pins the identity that an instance presents, once a person has compared it. */
export function addTrust(parent: Command, context: CommandContext): void {
  const command = parent
    .command('trust')
    .description('pin the identity that an instance has now, after comparing it on the instance')
    .argument('<INSTANCE>', 'name or id')
    .option('--fingerprint <SHA256:…>', 'what "latchkey-agent status" shows on the instance; without it you are asked')
    .option('--known-instances <FILE>', 'the pinned identities (default: in the state directory)')
    .option('--json', 'print one JSON object');

  handleConnected(command, context, TrustFlags, async ({ args: [nameOrId = ''], flags, ports, routes, server }) => {
    const given = flags.fingerprint === undefined ? null : readFingerprint('--fingerprint', flags.fingerprint);
    const { id: instanceId, name, agent } = await routes.instances.find(nameOrId);
    if (agent.identityKey === null) throw clientError('agent-not-installed', [`${name} has no identity yet.`]);
    // From the key itself: the thumbprint beside it is only what the control plane says of it.
    const identity = await thumbprintOf(agent.identityKey);
    const store = pinStoreOf(ports, flags.knownInstances);
    const index = indexPins(await store.load(), server);
    const verdict = judgeIdentity(index, { instanceId, name, identity });
    const fingerprint = fingerprintOf(identity);
    if (verdict.kind === 'known') {
      print(ports, flags.json, { instanceId, name, fingerprint }, () => [`${name} is pinned already: ${fingerprint}`]);
      return 0;
    }

    const before = index.byId.get(instanceId) ?? index.byName.get(name);
    const lines = fieldLines([
      ['instance', `${name} (${instanceId})`],
      ['pinned', before === undefined ? '-' : `${before.fingerprint} for ${before.name} (${before.instanceId})`],
      ['presented', fingerprint],
    ]);
    for (const line of lines) ports.terminal.err(line);
    if (given !== null && given !== identity) {
      const message = `--fingerprint is ${fingerprintOf(given)}, and it presents ${fingerprint}. Nothing was pinned.`;
      throw clientError('identity-changed', [{ subject: name, code: 'identity-changed', message }]);
    }
    const question = 'Does "latchkey-agent status" on the instance show the presented fingerprint?';
    await mustConfirm(ports, question, given !== null, '--fingerprint SHA256:…');
    await store.add([pinOf(server, { instanceId, name, identity })]);
    print(ports, flags.json, { instanceId, name, fingerprint }, () => [`${name} is pinned: ${fingerprint}`]);
    return 0;
  });
}
