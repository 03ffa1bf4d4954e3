import * as z from 'zod';
import {
  AddInstance,
  AgentState,
  explain,
  fingerprintOf,
  InstanceName,
  OperatingSystem,
  parseTag,
  ProjectName,
  Tags,
  type Instance,
} from '#protocol';
import { mustConfirm } from '../confirm.ts';
import { usageError } from '../errors.ts';
import { fieldLines, tableLines } from '../output/table.ts';
import { tagsText, timeText } from '../output/format.ts';
import { addImport } from './instances-import.ts';
import { addTrust } from './instances-trust.ts';
import {
  CommonFlags,
  handleConnected,
  print,
  readArgument,
  repeated,
  type AddVerb,
  type CommandContext,
} from './support.ts';
import type { Command } from 'commander';

/** `latchkey instances …`. */
export const addInstances: AddVerb = (command, context) => {
  addList(command, context);
  addShow(command, context);
  addAdd(command, context);
  addImport(command, context);
  addChanges(command, context);
  addTag(command, context);
  addRemove(command, context);
  addTrust(command, context);
};

const ListFlags = CommonFlags.extend({
  project: ProjectName.optional(),
  os: OperatingSystem.optional(),
  state: AgentState.optional(),
  tag: z.array(z.string()).default([]),
  search: z.string().max(63).optional(),
});

function addList(parent: Command, context: CommandContext): void {
  const command = parent
    .command('list')
    .description('instances and the state of their agents')
    .option('--project <P>', 'of this project')
    .option('--os <OS>', 'linux or windows')
    .option('--state <STATE>', `of the agent: ${AgentState.options.join(', ')}`)
    .option('--tag <K=V>', 'that carry this tag; may be repeated, all must match', repeated)
    .option('--search <TEXT>', 'whose name holds this')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, ListFlags, async ({ flags, ports, routes }) => {
    const { project, os, state, tag, search } = flags;
    for (const text of tag) readTag(text);
    const items = await routes.instances.list({ project, os, state, tag, search });
    print(ports, flags.json, { items }, () => instanceTable(items));
    return 0;
  });
}

function instanceTable(items: readonly Instance[]): string[] {
  const rows = items.map(({ name, os, power, project, agent, tags }) => {
    return [name, os, power, project, agent.state, lastSeenText(agent), tagsText(tags)];
  });
  return tableLines(['NAME', 'OS', 'POWER', 'PROJECT', 'AGENT', 'LAST SEEN', 'TAGS'], rows);
}

/** What is stored is the last change: for an agent that is connected it says nothing about how lately it answered. */
function lastSeenText({ connectedSince, lastSeenAt }: Instance['agent']): string {
  return connectedSince === null ? timeText(lastSeenAt) : 'now';
}

function addShow(parent: Command, context: CommandContext): void {
  const command = parent
    .command('show')
    .description('one instance: its agent, its identity, what is wrong with it')
    .argument('<INSTANCE>', 'name or id')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ args: [name = ''], flags, ports, routes }) => {
    const instance = await routes.instances.find(name);
    print(ports, flags.json, instance, () => instanceLines(instance));
    return 0;
  });
}

function instanceLines({ id, name, os, power, project, tags, agent, createdAt }: Instance): string[] {
  const fields = fieldLines([
    ['name', name],
    ['id', id],
    ['os', agent.osVersion === null ? os : `${os} (${agent.osVersion})`],
    ['power', power],
    ['project', project],
    ['tags', tagsText(tags) || '-'],
    ['created', timeText(createdAt)],
    ['agent', agent.version === null ? agent.state : `${agent.state}, version ${agent.version}`],
    ['host name', agent.hostname ?? '-'],
    ['identity', agent.identity === null ? '-' : fingerprintOf(agent.identity)],
    ['connected', timeText(agent.connectedSince)],
    ['last seen', lastSeenText(agent)],
  ]);
  const reasons = agent.reasons.flatMap(({ code, message, remedy, detail, since }) => [
    `${message}${detail === null ? '' : ` (${detail})`} [${code}], since ${timeText(since)}`,
    `  ${remedy}`,
  ]);
  const failing = Object.entries(agent.components).flatMap(([component, status]) => {
    return status.state === 'ok' ? [] : [`${component}: ${explain(status.code).message}`];
  });
  return [...fields, ...reasons, ...(agent.reasons.length === 0 ? failing : [])];
}

const AddFlags = CommonFlags.extend({
  os: z.string().optional(),
  project: z.string().optional(),
  tag: z.array(z.string()).default([]),
});

function addAdd(parent: Command, context: CommandContext): void {
  const command = parent
    .command('add')
    .description('an instance whose agent is to be installed')
    .argument('<NAME>', 'lower-case letters, digits, dot, hyphen, underscore')
    .requiredOption('--os <OS>', 'linux or windows')
    .option('--project <P>', 'default: default')
    .option('--tag <K=V>', 'may be repeated', repeated)
    .option('--json', 'print one JSON object');
  handleConnected(command, context, AddFlags, async ({ args: [name], flags, ports, routes }) => {
    const tags = Object.fromEntries(flags.tag.map(readTag));
    const body = readArgument(AddInstance, 'instance', { name, os: flags.os, project: flags.project, tags });
    const instance = await routes.instances.add(body);
    print(ports, flags.json, instance, () => [`Added ${instance.name} (${instance.id}).`]);
    return 0;
  });
}

function addChanges(parent: Command, context: CommandContext): void {
  const rename = parent
    .command('rename')
    .description('give an instance another name')
    .argument('<INSTANCE>', 'name or id')
    .argument('<NEW-NAME>', 'the name it gets')
    .option('--json', 'print one JSON object');
  handleConnected(rename, context, CommonFlags, async ({ args: [before = '', after], flags, ports, routes }) => {
    const name = readArgument(InstanceName, 'NEW-NAME', after);
    const instance = await routes.instances.change((await routes.instances.find(before)).id, { name });
    print(ports, flags.json, instance, () => [`Renamed ${before} to ${instance.name}.`]);
    return 0;
  });

  const move = parent
    .command('move')
    .description('put an instance into another project')
    .argument('<INSTANCE>', 'name or id')
    .argument('<PROJECT>', 'the project it moves to')
    .option('--json', 'print one JSON object');
  handleConnected(move, context, CommonFlags, async ({ args: [name = '', to], flags, ports, routes }) => {
    const project = readArgument(ProjectName, 'PROJECT', to);
    const instance = await routes.instances.change((await routes.instances.find(name)).id, { project });
    print(ports, flags.json, instance, () => [`Moved ${instance.name} to ${instance.project}.`]);
    return 0;
  });
}

function addTag(parent: Command, context: CommandContext): void {
  const command = parent
    .command('tag')
    .description('set tags (K=V) and take them away (K-)')
    .argument('<INSTANCE>', 'name or id')
    .argument('<TAG...>', 'K=V, or K- to take it away')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ args: [name = '', ...changes], flags, ports, routes }) => {
    const instance = await routes.instances.find(name);
    const tags = readArgument(Tags, 'TAG', changedTags(instance.tags, changes));
    const changed = await routes.instances.change(instance.id, { tags });
    print(ports, flags.json, changed, () => [`${changed.name}: ${tagsText(changed.tags) || 'no tags'}`]);
    return 0;
  });
}

/** The tags after `K=V` and `K-`, in that order. */
export function changedTags(
  tags: Readonly<Record<string, string>>,
  changes: readonly string[],
): Record<string, string> {
  const changed = new Map(Object.entries(tags));
  for (const change of changes) {
    if (!change.includes('=') && change.endsWith('-')) changed.delete(change.slice(0, -1));
    else changed.set(...readTag(change));
  }
  return Object.fromEntries(changed);
}

function readTag(text: string): [key: string, value: string] {
  const tag = parseTag(text);
  if (tag === null) throw usageError(text, 'is not KEY=VALUE');
  return [tag.key, tag.value];
}

function addRemove(parent: Command, context: CommandContext): void {
  const command = parent
    .command('remove')
    .description('forget an instance; its agent is no longer let in')
    .argument('<INSTANCE...>', 'names or ids')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object');
  const flagsSchema = CommonFlags.extend({ yes: z.boolean().default(false) });
  handleConnected(command, context, flagsSchema, async ({ args, flags, ports, routes }) => {
    // All are looked up before the first goes: a name that does not exist then changes nothing.
    const found: Instance[] = [];
    for (const name of args) found.push(await routes.instances.find(name));
    await mustConfirm(ports, `Remove ${found.map(({ name }) => name).join(', ')}?`, flags.yes, '--yes');
    for (const { id, name } of found) {
      await routes.instances.remove(id);
      if (!flags.json) ports.terminal.out(`Removed ${name}.`);
    }
    if (flags.json) print(ports, true, { removed: found.map(({ id, name }) => ({ id, name })) }, () => []);
    return 0;
  });
}
