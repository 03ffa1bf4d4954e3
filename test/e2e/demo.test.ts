import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { passwordViolations } from '#protocol';
import { CHECKOUT } from '../support/hosts/host.ts';
import { descendants, killIfThere } from '../support/hosts/process-table.ts';
import { mustRun, run } from '../support/hosts/run.ts';
import { until } from '../support/hosts/until.ts';

const CLONE_TIMEOUT_MS = 60_000;
/** It may have to fetch every package. */
const DEMO_DEADLINE_MS = 4 * 60_000;
const INSTANCES = ['web-1', 'web-2', 'web-3'];

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

describe('the demonstration, from a fresh clone', { timeout: DEMO_DEADLINE_MS + 30_000 }, () => {
  let top: string;
  let clone: string;
  let runs = 0;

  beforeAll(async () => {
    top = await mkdtemp(join(tmpdir(), 'latchkey-demo-test.'));
    chmodSync(top, 0o711); // one test comes as nobody
    clone = join(top, 'clone');
    // Through sudo, git would not trust a repository of somebody else; only a file can tell it to, for a local clone.
    await writeFile(join(top, 'gitconfig'), '[safe]\n\tdirectory = *\n');
    await mustRun(['git', 'clone', '--quiet', CHECKOUT, clone], { env: gitEnvironment(), timeoutMs: CLONE_TIMEOUT_MS });
  }, CLONE_TIMEOUT_MS);
  afterAll(async () => {
    await rm(top, { recursive: true, force: true });
  });

  const gitEnvironment = (): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    GIT_CONFIG_GLOBAL: join(top, 'gitconfig'),
  });

  /** Starts it; `at` is a text of its output, upon which it gets the signal. */
  async function demonstrate(argument: string, interrupt?: { signal: NodeJS.Signals; at: string }): Promise<Run> {
    runs += 1;
    const notes = join(top, `run-${String(runs)}`);
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
        await until(() => code !== undefined || (output.includes(interrupt.at) && demonstration !== undefined), {
          ...waiting,
          what: () => `"${interrupt.at}" in: ${output}`,
        });
        process.kill(demonstration ?? -1, interrupt.signal);
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

  test('--once shows refused and accepted passwords, says so, and leaves nothing', async () => {
    const { code, output, commandLines, left } = await demonstrate('--once');
    expect(code, output).toBe(0);
    expect(left).toEqual(NOTHING);
    for (const name of INSTANCES) {
      // In the last table, all of them are reset.
      const rows = output.split('\n').filter((line) => line.trim().startsWith(`${name} `) && line.includes('accepted'));
      expect(rows.at(-1)).toMatch(/^ +\S+ +accepted +refused +refused +accepted$/);
    }
    expect(output).toContain('/etc/passwd, /etc/shadow, /etc/group and /etc/gshadow of this machine are unchanged');
    expect(output).not.toContain('\u001b');
    expect(secretsIn(output, top)).toEqual([]);
    expect(commandLines.filter((line) => secretsIn(line, top).length > 0)).toEqual([]);

    // In the clone there is what npm installed, and nothing more.
    const { stdout } = await mustRun(['git', '-C', clone, 'status', '--porcelain', '--ignored'], {
      env: gitEnvironment(),
    });
    expect(stdout).toBe('!! node_modules/\n');
  });

  test.each([
    { signal: 'SIGINT', at: 'are up:', code: 130 },
    { signal: 'SIGTERM', at: 'This machine can have', code: 143 },
    { signal: 'SIGINT', at: 'Reset alice on one', code: 130 },
    // It has shown everything then, and waits for this.
    { signal: 'SIGHUP', at: 'Running until you press Ctrl-C', code: 0 },
  ] as const)('leaves nothing when it gets $signal at "$at"', async ({ signal, at, code }) => {
    const run = await demonstrate('', { signal, at });
    expect(run.code, run.output).toBe(code);
    expect(run.left).toEqual(NOTHING);
  });

  test('leaves no process and no mount when it is killed', async () => {
    const { code, left } = await demonstrate('', { signal: 'SIGKILL', at: 'All three agents' });
    expect(code).toBe(137);
    expect(left).toEqual({ ...NOTHING, temporary: [expect.stringMatching(/^latchkey-demo-/)] });
  });

  test('says why and what to do where it cannot run', async () => {
    const demo = join(clone, 'scripts/demo');
    const powerless = await run(['setpriv', '--bounding-set=-all', demo, '--once'], { cwd: clone });
    expect(powerless.code).toBe(69);
    expect(powerless.stderr).toMatch(/no namespaces.*run it with --privileged/s);

    // Root of a user namespace is root in name only.
    const rootless = await run(['unshare', '--map-root-user', demo, '--once'], { cwd: clone });
    expect(rootless.code).toBe(69);
    expect(rootless.stderr).toMatch(/not the machine's own root/);

    const unprivileged = await run(['setpriv', '--reuid=65534', '--clear-groups', demo, '--once'], { cwd: clone });
    expect(unprivileged.code).toBe(77);
    expect(unprivileged.stderr).toMatch(/needs root.*as root/s);

    expect(await run([demo, '--twice'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--twice') as string,
    });
  });
});

interface Run {
  readonly code: number;
  readonly output: string;
  /** Of all processes that were seen while it ran. */
  readonly commandLines: readonly string[];
  readonly left: Record<'processes' | 'mounts' | 'temporary' | 'etc', unknown>;
}

const NOTHING: Run['left'] = { processes: '', mounts: 'as before', temporary: [], etc: 'unchanged' };

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
function secretsIn(text: string, top: string): string[] {
  const rest = text.replaceAll(new RegExp(`${top}\\S*`, 'g'), '');
  const tokens = rest.match(/\blkj?_\S+/g) ?? [];
  const words = rest.match(/[A-Za-z0-9!@%\-_=+.?]+/g) ?? [];
  const passwords = words.filter((word) => {
    return word.length === 20 && passwordViolations({ os: 'linux', account: 'alice', password: word }).length === 0;
  });
  return [...tokens, ...passwords];
}
