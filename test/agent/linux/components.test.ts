import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createComponentProbes } from '../../../agent/linux/components.ts';
import { findPamFault, type PamFiles, type PamType } from '../../../agent/linux/pam-stack.ts';

const temporary = () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
};

describe('the lock of the account database', () => {
  const AGENT = 100;

  /** A machine where the lock is held by whom the test says; `parents` is who started whom. */
  function machine(parents: Readonly<Record<number, number>> = {}) {
    const [etc, proc] = [temporary(), temporary()];
    for (const name of ['passwd', 'shadow', '.pwd.lock']) writeFileSync(join(etc, name), '');
    mkdirSync(join(proc, 'self'));
    writeFileSync(join(proc, 'self/mountinfo'), '1 0 254:0 / / rw - ext4 a rw\n');
    for (const [pid, parent] of Object.entries(parents)) {
      mkdirSync(join(proc, pid));
      writeFileSync(join(proc, pid, 'stat'), `${pid} (a) b) S ${String(parent)} 1 1 0\n`);
    }
    const { ino } = statSync(join(etc, '.pwd.lock'));
    const probes = createComponentProbes({ stateDirectory: etc, etc, proc, agentPid: AGENT });
    return (holder: number | null) => {
      const line = holder === null ? '' : `1: POSIX  ADVISORY  WRITE ${String(holder)} fe:00:${String(ino)} 0 EOF\n`;
      writeFileSync(join(proc, 'locks'), line);
      const health = probes['account-database']();
      return health.ok ? 'ok' : health.code;
    };
  }
  const HELD = 'account-database-lock-held';

  test('is held while somebody holds it, and not when nobody does any more', () => {
    const look = machine();
    expect([look(null), look(7), look(7), look(null), look(7)]).toEqual(['ok', HELD, HELD, 'ok', HELD]);
  });

  test('is not held where one after the other takes it for a moment: a reset gets its turn too', () => {
    const look = machine();
    expect([look(7), look(8), look(9), look(9)]).toEqual([HELD, 'ok', 'ok', HELD]);
  });

  test('is not held by the agent’s own reset, whatever its script has started', () => {
    const look = machine({ 7: 6, 6: AGENT, 9: 1, [AGENT]: 1 });
    expect([look(7), look(6), look(7), look(9)]).toEqual(['ok', 'ok', 'ok', HELD]);
  });
});

describe('a stack of PAM', () => {
  const MODULES = ['pam_unix.so', 'pam_deny.so'];
  const faultOf = (
    services: Readonly<Record<string, string | null>>,
    types: readonly PamType[] = ['auth', 'account'],
    hasModule: PamFiles['hasModule'] = (name) => MODULES.includes(name),
  ) => {
    const read: PamFiles['read'] = (path) => {
      const text = services[path];
      return text === undefined ? 'missing' : text === null ? 'unreadable' : { text };
    };
    return findPamFault({ read, directories: ['/etc/pam.d', '/usr/lib/pam.d'], hasModule }, 'login', types);
  };
  const login = (text: string) => ({ '/etc/pam.d/login': text });

  test.each([
    ['plain', login('auth required pam_unix.so nullok # why\n\n# all\naccount required pam_unix.so\n')],
    ['of the distribution', { '/usr/lib/pam.d/login': 'auth required pam_unix.so' }],
    ['in capitals, with jumps', login('AUTH [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n')],
    ['over two lines', login('auth \\\n  required pam_unix.so\n')],
    ['with a module that may be absent', login('-auth required pam_x.so\nauth optional pam_x.so\n')],
    ['whose other types are not asked', login('auth required pam_unix.so\nsession required pam_x.so\n')],
    [
      'in several files',
      {
        ...login('@include a\nauth substack b\naccount include /c'),
        '/etc/pam.d/a': 'auth required pam_unix.so',
        '/etc/pam.d/b': 'auth required pam_unix.so\naccount required pam_x.so',
        '/c': '',
      },
    ],
  ])('%s has no fault', (_what, files) => {
    expect(faultOf(files)).toBeNull();
  });

  test.each([
    ['that is not there', {}, '/etc/pam.d/login: missing'],
    ['that cannot be read', { '/etc/pam.d/login': null }, '/etc/pam.d/login: unreadable'],
    ['of garbage', login('auth required pam_unix.so\n%%% garbage'), '/etc/pam.d/login line 2: not a type of PAM'],
    ['without a module', login('auth required'), '/etc/pam.d/login line 1: names no module'],
    ['with a module that is gone', login('auth required pam_x.so'), '/etc/pam.d/login line 1: there is no pam_x.so'],
    ['that takes in what is not there', login('@include common-auth'), '/etc/pam.d/common-auth: missing'],
    [
      'that takes in garbage',
      { ...login('\n@include common-auth'), '/etc/pam.d/common-auth': 'x y z' },
      '/etc/pam.d/common-auth line 1: not a type of PAM',
    ],
    ['that takes itself in', login('@include login'), '/etc/pam.d/login: includes itself'],
  ])('%s has one, which is named', (_what, files, fault) => {
    expect(faultOf(files)).toBe(fault);
  });

  test('is not blamed for a module where nobody knows where modules are', () => {
    expect(faultOf(login('auth required pam_x.so'), ['auth'], () => null)).toBeNull();
  });
});

describe('the agent’s own disk', () => {
  test('is well with a journal and before there is one', () => {
    const stateDirectory = temporary();
    const { disk } = createComponentProbes({ stateDirectory });
    expect(disk()).toEqual({ ok: true });
    writeFileSync(join(stateDirectory, 'journal'), '');
    expect(disk()).toEqual({ ok: true });
  });
});
