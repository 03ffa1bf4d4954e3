import type { Command } from 'commander';
import * as z from 'zod';
import { ProjectName, type Project, type ServiceStatement } from '#protocol';
import { mustConfirm } from '../confirm.ts';
import { timeText } from '../output/format.ts';
import { tableLines } from '../output/table.ts';
import { CommonFlags, handleConnected, print, readArgument, type AddVerb, type CommandContext } from './support.ts';

/** `latchkey service …`: whether online reset is enabled and authorised for a project. */
export const addService: AddVerb = (command, context) => {
  addList(command, context);
  addProject(command, context);
  addStatement(command, context);
  addEnable(command, context);
  addDisable(command, context);
};

function addList(parent: Command, context: CommandContext): void {
  const command = parent
    .command('list')
    .description('projects, and whether online reset is enabled for them')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ flags, ports, routes }) => {
    const items = await routes.service.list();
    print(ports, flags.json, { items }, () => {
      const rows = items.map(({ name, service }) => [
        name,
        service.enabled ? 'enabled' : 'disabled',
        service.statementVersion === null ? '-' : String(service.statementVersion),
        service.enabledBy ?? '-',
        timeText(service.enabledAt),
      ]);
      return tableLines(['PROJECT', 'ONLINE RESET', 'STATEMENT', 'ENABLED BY', 'AT'], rows);
    });
    return 0;
  });
}

const ProjectFlags = CommonFlags.extend({ project: z.string() });

function addProject(parent: Command, context: CommandContext): void {
  const command = parent
    .command('add')
    .description('make a project, in which online reset is disabled')
    .requiredOption('--project <P>', 'the project; one that is there already stays as it is')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, ProjectFlags, async ({ flags, ports, routes }) => {
    const name = readArgument(ProjectName, '--project', flags.project);
    const project = await routes.service.addProject({ name });
    print(ports, flags.json, project, () => [`Added ${project.name}. ${projectLine(project)}`]);
    return 0;
  });
}

function addStatement(parent: Command, context: CommandContext): void {
  const command = parent
    .command('statement')
    .description('what is agreed to by enabling online reset')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ flags, ports, routes }) => {
    const statement = await routes.service.statement();
    print(ports, flags.json, statement, () => statementLines(statement));
    return 0;
  });
}

function statementLines({ version, text }: ServiceStatement): string[] {
  return [`Service statement, version ${version}`, '', ...text.split('\n')];
}

const EnableFlags = ProjectFlags.extend({ acceptVersion: z.coerce.number().int().optional() });

function addEnable(parent: Command, context: CommandContext): void {
  const command = parent
    .command('enable')
    .description('accept the service statement and enable online reset for a project')
    .requiredOption('--project <P>', 'the project; it is made when it is not there yet')
    .option('--accept-version <N>', 'accept that version of the statement without being asked')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, EnableFlags, async ({ flags, ports, routes }) => {
    const name = readArgument(ProjectName, '--project', flags.project);
    let version = flags.acceptVersion;
    if (version === undefined) {
      const statement = await routes.service.statement();
      // Not a result of the command, so not on standard output.
      for (const line of statementLines(statement)) ports.terminal.err(line);
      const flag = `--accept-version ${statement.version}`;
      await mustConfirm(ports, `Accept it and enable online reset for ${name}?`, false, flag);
      version = statement.version;
    }
    const project = await routes.service.change(name, { enabled: true, statementVersion: version });
    print(ports, flags.json, project, () => [projectLine(project)]);
    return 0;
  });
}

function addDisable(parent: Command, context: CommandContext): void {
  const command = parent
    .command('disable')
    .description('disable online reset for a project')
    .requiredOption('--project <P>', 'the project')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, ProjectFlags, async ({ flags, ports, routes }) => {
    const name = readArgument(ProjectName, '--project', flags.project);
    const project = await routes.service.change(name, { enabled: false });
    print(ports, flags.json, project, () => [projectLine(project)]);
    return 0;
  });
}

function projectLine({ name, service }: Project): string {
  return `Online reset is ${service.enabled ? 'enabled' : 'disabled'} for ${name}.`;
}
