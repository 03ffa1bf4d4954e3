import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { passwordViolations } from '#protocol';
import { CHECKOUT } from '../support/hosts/host.ts';
import { descendants, killIfThere } from '../support/hosts/process-table.ts';
import { mustRun } from '../support/hosts/run.ts';
import { until } from '../support/hosts/until.ts';

export const CLONE_TIMEOUT_MS = 60_000;
/** It may have to fetch every package, and to build the console. */
export const DEMO_DEADLINE_MS = 5 * 60_000;

/**
 * Runs the demonstration as the only thing in a process namespace and over a copy of /etc, so that whatever it leaves
 * or changes there is its own doing: others may run beside this test, and add accounts. When it has ended, the mounts
 * and the processes there are noted, by the shell alone. What the kernel ends with a killed process ends an instant
 * later; the first process is this shell, and what is dead and unburied counts as gone.
 */
const ALONE = `
  mount --bind "$1/etc" /etc
  cat /proc/self/mountinfo > "$1/mounts.before"
  ./scripts/demo $2
  code=$?
  left() {
    for stat in /proc/[0-9]*/stat; do
      { read -r line < "$stat"; } 2> /dev/null || continue
      case $line in '1 '* | *') Z '*) ;; *) echo "$line" ;; esac
    done
  }
  look=0
  while left > "$1/processes"; [ -s "$1/processes" ] && [ $code = 137 ] && [ $look -lt 100 ]; do
    look=$((look + 1))
    sleep 0.1
  done
  cat /proc/self/mountinfo > "$1/mounts.after"
  exit $code`;

/** A fresh clone of this checkout, in which the demonstration is run as its user would. */
export interface DemoClone extends AsyncDisposable {
  /** Holds the clone and whatever the runs in it leave. */
  readonly top: string;
  readonly clone: string;
  /** For git in that clone. */
  readonly gitEnvironment: Readonly<Record<string, string>>;
  /** Runs `scripts/demo` with that argument to its end. */
  demonstrate(argument: string, interrupt?: Interrupt): Promise<DemoRun>;
}

/** What happens while it runs. */
export interface Interrupt {
  /** A text of its output, upon which it is interrupted. */
  readonly at: string;
  readonly signal: NodeJS.Signals;
  /** Comes before the signal. */
  readonly first?: (running: RunningDemo) => Promise<void>;
}

export interface RunningDemo {
  /** What it has said until now. */
  readonly output: string;
  /** Makes a line of that output a command where the demonstration runs, which has processes of its own. */
  readonly command: (line: string) => readonly [string, ...string[]];
}

export interface DemoRun {
  readonly code: number;
  readonly output: string;
  /** Of all processes that were seen while it ran. */
  readonly commandLines: readonly string[];
  readonly left: Record<'processes' | 'mounts' | 'temporary' | 'etc', unknown>;
}

export const NOTHING: DemoRun['left'] = { processes: '', mounts: 'as before', temporary: [], etc: 'unchanged' };

export async function cloneForDemo(): Promise<DemoClone> {
  const top = await mkdtemp(join(tmpdir(), 'latchkey-demo-test.'));
  chmodSync(top, 0o711); // one test comes as nobody
  const clone = join(top, 'clone');
  const gitEnvironment = { PATH: process.env['PATH'] ?? '', GIT_CONFIG_GLOBAL: join(top, 'gitconfig') };
  // Through sudo, git would not trust a repository of somebody else; only a file can tell it to, for a local clone.
  await writeFile(gitEnvironment.GIT_CONFIG_GLOBAL, '[safe]\n\tdirectory = *\n');
  await mustRun(['git', 'clone', '--quiet', CHECKOUT, clone], { env: gitEnvironment, timeoutMs: CLONE_TIMEOUT_MS });
  let runs = 0;
  return {
    ...{ top, clone, gitEnvironment },
    demonstrate: (argument, interrupt) => {
      runs += 1;
      return demonstrate({ clone, notes: join(top, `run-${String(runs)}`), argument, interrupt });
    },
    async [Symbol.asyncDispose]() {
      await rm(top, { recursive: true, force: true });
    },
  };
}

interface Demonstration {
  readonly clone: string;
  /** Where its temporary directory is, and what was noted of it. */
  readonly notes: string;
  readonly argument: string;
  readonly interrupt: Interrupt | undefined;
}

async function demonstrate({ clone, notes, argument, interrupt }: Demonstration): Promise<DemoRun> {
  const temporary = join(notes, 'tmp');
  mkdirSync(temporary, { recursive: true });
  await mustRun(['cp', '--archive', '/etc', notes]);
  const before = await digestOf(join(notes, 'etc'));
  const child = spawn(
    'unshare',
    ['--pid', '--fork', '--mount-proc', '--kill-child=KILL', 'sh', '-c', ALONE, 'sh', notes, argument],
    {
      cwd: clone,
      env: { ...process.env, TMPDIR: temporary, FORCE_COLOR: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const commandLines = new Set<string>();
  let demonstration: number | undefined;
  const sampler = setInterval(() => {
    for (const { pid } of descendants(child.pid ?? -1)) {
      const line = commandLine(pid);
      commandLines.add(line);
      if (line.includes(`${clone}/scripts/demonstration/main.ts`)) demonstration = pid;
    }
  }, 100);
  let code: number | null | undefined;
  child.once('close', (exit) => (code = exit));
  const waiting = { deadlineMs: DEMO_DEADLINE_MS };
  try {
    if (interrupt !== undefined) {
      const { at, signal, first } = interrupt;
      await until(() => code !== undefined || (output.includes(at) && demonstration !== undefined), {
        ...waiting,
        what: () => `"${at}" in: ${output}`,
      });
      const target = String(demonstration);
      const command = (line: string) => ['nsenter', '--target', target, '--pid', '--mount', 'sh', '-c', line] as const;
      await first?.({ output, command });
      process.kill(demonstration ?? -1, signal);
    }
    await until(() => code !== undefined, { ...waiting, what: () => `its end: ${output}` });
  } finally {
    clearInterval(sampler);
    killIfThere(child.pid ?? -1);
  }
  const note = (name: string): string => readFileSync(join(notes, name), 'utf8');
  return {
    ...{ code: code ?? -1, output, commandLines: [...commandLines] },
    left: {
      processes: note('processes'),
      mounts: note('mounts.after') === note('mounts.before') ? 'as before' : note('mounts.after'),
      temporary: readdirSync(temporary),
      etc: (await digestOf(join(notes, 'etc'))) === before ? 'unchanged' : 'changed',
    },
  };
}

/** Of all that is in there: names, contents, owners, modes, and when each was last changed, directories included. */
async function digestOf(directory: string): Promise<string> {
  const { stdout } = await mustRun(['sh', '-c', 'tar --create --sort=name . | sha256sum'], { cwd: directory });
  return stdout;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Tokens of any kind, and whatever could be a generated password; paths of this test are none. */
export function secretsIn(text: string, top: string): string[] {
  const rest = text.replaceAll(new RegExp(`${top}\\S*`, 'g'), '');
  const tokens = rest.match(/\blkj?_\S+/g) ?? [];
  const words = rest.match(/[A-Za-z0-9!@%\-_=+.?]+/g) ?? [];
  const passwords = words.filter((word) => {
    return word.length === 20 && passwordViolations({ os: 'linux', account: 'alice', password: word }).length === 0;
  });
  return [...tokens, ...passwords];
}
