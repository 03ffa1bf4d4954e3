import { Command } from 'commander';
import { backUp, restore } from './backup.ts';
import type { ConfigProblem } from './config-problems.ts';
import { DEFAULT_KEYS_DIR, type ConfigFlags } from './config-text.ts';
import { readConfig, type ServerConfig } from './config.ts';
import { describeFailure, NO_CHOICES, type Choices } from './failure.ts';
import { finishAuthorityRotation, rotateAuthority } from './keys/authority-rotation.ts';
import { rotateOrderKey, signCatalogue } from './keys/offline.ts';
import { createLog } from './logging.ts';
import { afterRestore, recoverAdministrator } from './maintenance.ts';
import { addReleaseVerb } from './releases/verb.ts';
import { authorityFinished, authorityRotated } from './rotation-report.ts';
import { restoreReport } from './restore-report.ts';
import { startServer, type RunningServer } from './server.ts';
import { tellSupervisor } from './supervisor.ts';

/** The options as commander hands them over. */
type Flags = ConfigFlags & { readonly config?: string };

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Adds `latchkey server` and its verbs. Each sets the exit code of the process. */
export function addServerCommand(program: Command): void {
  // What follows a verb is the verb's: without this, `--keys` would be taken for the server's, and missed by the verb.
  program.enablePositionalOptions();
  const server = withConfigOptions(program.command('server'))
    .description('run the control plane')
    .enablePositionalOptions()
    .action((flags: Flags) => runServer(flags));
  withConfigOptions(server.command('check-config'))
    .description('say what is wrong with the configuration, start nothing')
    .action((_: unknown, command: Command) => reportConfig(command.optsWithGlobals<Flags>()));
  addKeyVerbs(server);
  addReleaseCommand(server);
  addDataVerbs(server);
}

/** For a server that is stopped: they take the database for themselves. */
function addDataVerbs(server: Command): void {
  withConfigOptions(server.command('after-restore'))
    .description('make a database that was restored from a backup fit to be served; run before the server starts')
    .option('--json', 'print one JSON object')
    .action(async (_: unknown, command: Command) => {
      const { json = false } = command.opts<{ json?: boolean }>();
      await onData(command, async (directories) => {
        const cleanup = await afterRestore(directories);
        if (json) say(JSON.stringify(cleanup));
        else for (const line of restoreReport(cleanup)) say(line);
      });
    });
  withConfigOptions(server.command('backup'))
    .description('copy the database into a file, also while the server runs; the keys are not in it')
    .argument('<FILE>', 'where to; it must not be there yet')
    .action(async (file: string, _: unknown, command: Command) => {
      await onData(command, async ({ dataDir, keysDir }) => {
        await backUp(dataDir, file);
        say(`The database is in ${file}. The keys are not: keep a copy of ${keysDir} in another place.`);
      });
    });
  withConfigOptions(server.command('restore'))
    .description('put a backup in the place of the database, which is set aside; the server must be stopped')
    .argument('<FILE>', 'what "latchkey server backup" wrote')
    .option('--json', 'print one JSON object')
    .action(async (file: string, _: unknown, command: Command) => {
      const { json = false } = command.opts<{ json?: boolean }>();
      await onData(command, async ({ dataDir }) => {
        const { setAside, ...cleanup } = await restore(dataDir, file, Date.now());
        if (json) {
          say(JSON.stringify({ setAside, ...cleanup }));
          return;
        }
        if (setAside !== null) say(`What was there is set aside: ${setAside}`);
        for (const line of restoreReport(cleanup)) say(line);
      });
    });
  withConfigOptions(server.command('recover-administrator'))
    .description("make another administrator's token, when none is left")
    .action(async (_: unknown, command: Command) => {
      await onData(command, async (directories) => {
        const file = await recoverAdministrator(directories);
        say(`An administrator's token is in ${file}: take it, then delete the file.`);
      });
    });
}

async function onData(command: Command, work: (config: ServerConfig) => Promise<void>): Promise<void> {
  const config = loadConfig(command.optsWithGlobals<Flags>());
  if (config !== null) await sayFailure(choicesOf(config), () => work(config));
}

/** Beside a server that runs, too: it looks for releases whenever it is asked for one. */
function addReleaseCommand(server: Command): void {
  withConfigOptions(server.command('add-release'))
    .description('take a signed release of the agent into the catalogue that hosts install from')
    .argument('<ARCHIVE>', 'latchkey-agent-VERSION-PLATFORM.tar.gz')
    .argument('[STATEMENT]', 'its signed statement (default: the same name with .json)')
    .option('--release-key <SHA256:…>', 'the key that signs releases: once, with the first one')
    .action(async (archive: string, statement: string | undefined, _: unknown, command: Command) => {
      const { releaseKey } = command.opts<{ releaseKey?: string }>();
      await onData(command, async (config) => {
        say(await addReleaseVerb(config, { archive, statement, releaseKey }));
      });
    });
}

function addKeyVerbs(server: Command): void {
  server
    .command('sign-catalogue')
    .description('sign the reset scripts of this release; run where the script key is')
    .option('--keys <dir>', 'the keys directory', DEFAULT_KEYS_DIR)
    .requiredOption('--script-key <file>', 'the script key, brought from where it is kept')
    .action(async (_: unknown, command: Command) => {
      const { keys, scriptKey } = command.optsWithGlobals<{ keys: string; scriptKey: string }>();
      await sayFailure(keysAt(keys), async () => {
        const statements = await signCatalogue({ dir: keys, scriptKeyFile: scriptKey, now: Date.now() });
        for (const { name, version, digest } of statements) say(`signed ${name} version ${String(version)} ${digest}`);
      });
    });
  server
    .command('rotate-order-key')
    .description('make a new order key and revoke the old one; run where the script key is')
    .option('--keys <dir>', 'the keys directory', DEFAULT_KEYS_DIR)
    .requiredOption('--script-key <file>', 'the script key, brought from where it is kept')
    .action(async (_: unknown, command: Command) => {
      const { keys, scriptKey } = command.optsWithGlobals<{ keys: string; scriptKey: string }>();
      await sayFailure(keysAt(keys), async () => {
        const { version, orderKey } = await rotateOrderKey({ dir: keys, scriptKeyFile: scriptKey, now: Date.now() });
        say(`key set ${String(version)} names the order key ${orderKey}; restart the server to use it`);
      });
    });
  addAuthorityVerb(server);
}

function addAuthorityVerb(server: Command): void {
  server
    .command('rotate-ca')
    .description('make a new TLS authority, believed beside the old one until --finish; run where the script key is')
    .option('--keys <dir>', 'the keys directory', DEFAULT_KEYS_DIR)
    .requiredOption('--script-key <file>', 'the script key, brought from where it is kept')
    .option('--finish', 'withdraw the old authority')
    .action(async (_: unknown, command: Command) => {
      const { keys, scriptKey } = command.optsWithGlobals<{ keys: string; scriptKey: string }>();
      const { finish = false } = command.opts<{ finish?: boolean }>();
      const rotation = { dir: keys, scriptKeyFile: scriptKey, now: Date.now() };
      await sayFailure(keysAt(keys), async () => {
        const report = finish
          ? authorityFinished(await finishAuthorityRotation(rotation))
          : authorityRotated(await rotateAuthority(rotation), keys);
        for (const line of report) say(line);
      });
    });
}

function withConfigOptions(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file, JSON')
    .option('--listen <host:port>', 'where to listen (default 127.0.0.1:8443)')
    .option('--public-url <url>', 'what agents dial, certificates name and links use')
    .option('--trust-proxy <networks>', 'whose x-forwarded-for is believed, comma-separated')
    .option('--data <dir>', 'where the database lives (default /var/lib/latchkey)')
    .option('--keys <dir>', 'where the keys live, outside of the data and of its backups (default /etc/latchkey/keys)')
    .option('--tls-cert <file>', 'a certificate that clients trust already, PEM')
    .option('--tls-key <file>', 'its key, PEM');
}

function loadConfig(flags: Flags): ServerConfig | null {
  const { config, ...more } = flags;
  const checked = readConfig(config ?? null, more);
  if (checked.ok) return checked.config;
  for (const problem of checked.problems) complain(`${whereIs(problem)}${sentence(problem.message)} ${problem.remedy}`);
  process.exitCode = EXIT_USAGE;
  return null;
}

/** What schemas say of a value ends without a stop. */
function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

/** The setting and the flag for it, of which the operator may know but one. */
function whereIs({ path, flag }: ConfigProblem): string {
  if (path === '') return '';
  return flag === null || flag === path ? `${path}: ` : `${path} (${flag}): `;
}

function reportConfig(flags: Flags): void {
  if (loadConfig(flags) !== null) say('The configuration is good.');
}

async function runServer(flags: Flags): Promise<void> {
  const config = loadConfig(flags);
  if (config === null) return;
  await sayFailure(choicesOf(config), async () => {
    const log = createLog({ level: config.logLevel });
    const running = await startServer(config, log);
    greet(running, config);
    process.on('SIGHUP', running.renewCertificate);
    const stop = stopSignal();
    await tellSupervisor('ready', { env: process.env, log });
    await stop;
    log.info({}, 'stopping');
    await tellSupervisor('stopping', { env: process.env, log });
    await running.stop();
  });
}

function choicesOf({ dataDir, keysDir, listen, metricsListen }: ServerConfig): Choices {
  return {
    directories: [
      { path: dataDir, flag: '--data' },
      { path: keysDir, flag: '--keys' },
    ],
    addresses: [
      { address: listen, flag: '--listen' },
      ...(metricsListen === null ? [] : [{ address: metricsListen, flag: '"metricsListen" in the configuration' }]),
    ],
  };
}

function keysAt(keys: string): Choices {
  return { ...NO_CHOICES, directories: [{ path: keys, flag: '--keys' }] };
}

function greet(running: RunningServer, config: ServerConfig): void {
  say(`Latchkey is ready at ${config.publicUrl}`);
  if (running.ownCertificate !== null) {
    say(`Browsers do not know its authority. Its certificate has the SHA-256 fingerprint ${running.ownCertificate}`);
  }
  if (running.administratorTokenFile === null) return;
  say(`The first administrator's token is in ${running.administratorTokenFile}: take it, then delete the file.`);
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve();
      });
    }
  });
}

async function sayFailure(choices: Choices, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    complain(describeFailure(error, choices));
    process.exitCode = EXIT_FAILED;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function complain(line: string): void {
  process.stderr.write(`latchkey: ${line}\n`);
}
