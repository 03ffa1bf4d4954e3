import { spawn as spawnOnTerminal } from 'node-pty';

import type { Host } from './host.ts';
import { placeEnvironment, type Place } from './place.ts';
import { descendants, killIfThere } from './process-table.ts';
import type { Argv } from './run.ts';

/**
 * What a door said to a password. A refusal does not tell why: wrong, locked, expired and unknown look alike from the
 * outside. Whatever is neither (no connection, a demand for a new password) throws, with what was said.
 */
export type Verdict = 'accepted' | 'refused';

const LOGIN_DEADLINE_MS = 60_000;

/** Tries a password by ssh from the fabric, as a user elsewhere would. It travels by a descriptor, never an argument. */
export async function sshLogin(host: Host, account: string, password: string): Promise<Verdict> {
  const options = {
    PubkeyAuthentication: 'no',
    PreferredAuthentications: 'password',
    NumberOfPasswordPrompts: '1',
    StrictHostKeyChecking: 'no',
    UserKnownHostsFile: '/dev/null',
    LogLevel: 'ERROR',
    ConnectTimeout: '20',
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const { code, stdout, stderr } = await host.fabric.exec(
    ['sshpass', '-d', '3', 'ssh', '-F', '/dev/null', ...flags, `${account}@${host.ip}`, 'id -un'],
    { descriptor3: `${password}\n`, timeoutMs: LOGIN_DEADLINE_MS },
  );
  // The name in the answer is the proof: a forced command, say, would end with 0 too.
  if (code === 0 && stdout.trim() === account) return 'accepted';
  if (code === 255 && stderr.includes('Permission denied')) return 'refused';
  throw new Error(`ssh ${account}@${host.name} neither opened nor refused (${String(code)}): ${stdout}${stderr}`);
}

/** Tries a password by `su` on a terminal inside the place, as an unprivileged user: root would not be asked for any. */
export async function suLogin(place: Place, account: string, password: string): Promise<Verdict> {
  const unprivileged = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
  const argv: Argv = [...place.entry(), ...unprivileged, 'su', '-s', '/bin/sh', account, '-c', 'id -un'];
  const { code, said } = await answerOnce(argv, password);
  if (code === 0 && said.trim().split(/\s+/).at(-1) === account) return 'accepted';
  // The second is what a stack says that ends without any module's word, as of an account that faillock has shut.
  if (code === 1 && /Authentication failure|Permission denied/.test(said)) return 'refused';
  throw new Error(`su ${account} on ${place.name} neither opened nor refused (${String(code)}): ${said}`);
}

/** What a password must open, and what must not any more. An account that nothing opens has no accepted one. */
export interface Expectation {
  readonly accepted?: string;
  readonly refused: readonly string[];
}

/**
 * Throws unless the accepted password opens the account and the refused ones do not: by su everywhere, and by ssh as
 * well where the place is a booted host. All are tried at once, since a refusal costs seconds on purpose.
 */
export async function expectOnly(place: Place | Host, account: string, expected: Expectation): Promise<void> {
  const doors = 'fabric' in place ? { su: suLogin, ssh: sshLogin } : { su: suLogin };
  const tries = [
    ...(expected.accepted === undefined
      ? []
      : [{ password: expected.accepted, is: 'the right password', want: 'accepted' }]),
    // By its place in the list: a failed test ends up in logs, and what it is must not.
    ...expected.refused.map((password, at) => ({ password, is: `wrong password ${String(at)}`, want: 'refused' })),
  ];
  const faults = Object.entries(doors).flatMap(([door, login]) =>
    tries.map(async ({ password, is, want }) => {
      const verdict = await login(place as Host, account, password);
      return verdict === want ? [] : [`${account} on ${place.name}: ${is} was ${verdict} by ${door}`];
    }),
  );
  const found = (await Promise.all(faults)).flat();
  if (found.length > 0) throw new Error(found.join('; '));
}

/** Runs a command on a terminal and answers its first question for a password; a second one ends it with code -1. */
async function answerOnce(argv: Argv, password: string): Promise<{ code: number; said: string }> {
  const [program, ...args] = argv;
  // In the C locale: the caller compares messages.
  const terminal = spawnOnTerminal(program, args, { env: { ...placeEnvironment(), LC_ALL: 'C' }, cols: 200 });
  return new Promise((resolve) => {
    let said = '';
    let answered = false;
    const end = (code: number, why = ''): void => {
      clearTimeout(timer);
      // The whole family: a su that still waits for an answer outlives its parent, and would hold up a shutdown.
      for (const { pid } of descendants(terminal.pid)) killIfThere(pid);
      terminal.kill('SIGKILL');
      resolve({ code, said: said + why });
    };
    const timer = setTimeout(() => {
      end(-1, ' … and nothing more');
    }, LOGIN_DEADLINE_MS);
    terminal.onExit(({ exitCode }) => {
      end(exitCode);
    });
    terminal.onData((text) => {
      said += text;
      if (!/password:\s*$/i.test(said)) return;
      if (answered) {
        end(-1, ' … which was not expected');
        return;
      }
      answered = true;
      said = '';
      terminal.write(`${password}\n`);
    });
  });
}
