import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isNamedByAuthorities, type Authorities } from '../../../agent/linux/authorities.ts';
import { readAuthorities } from '../../../agent/linux/authority-reader.ts';

const ALICE = {
  name: 'alice',
  uid: 1000,
  groups: [
    { name: 'alice', gid: 1000 },
    { name: 'web team', gid: 1200 },
  ],
};
const NOBODY: Authorities = { sudoers: [], doas: [], polkit: [], incomplete: false };
const named = (change: Partial<Authorities>) => isNamedByAuthorities({ ...NOBODY, ...change }, ALICE);

describe('sudoers name an account', () => {
  test.each([
    ['by name', 'alice ALL=(ALL) NOPASSWD:ALL\n'],
    ['by a name in quotes', '"alice" ALL=(ALL) ALL\n'],
    ['by a name with escapes', 'al\\x69ce ALL=(ALL) ALL\n'],
    ['by a name in other letters, which are the same to sudo', 'Alice ALL=(ALL) ALL\n'],
    ['by uid', '#1000 ALL=(ALL) ALL\n'],
    ['by uid in quotes', '"#1000" ALL=(ALL) ALL\n'],
    ['by uid, after somebody else', 'bob, #1000 ALL=(ALL) ALL\n'],
    ['by group', '%alice ALL=(ALL) ALL'],
    ['by a group in quotes, with a blank', '"%web team" ALL=(ALL) ALL'],
    ['by a group with an escaped blank', '%web\\ team ALL=(ALL) ALL'],
    ['by gid', '%#1200 ALL=(ALL) ALL'],
    ['by gid in quotes', '"%#1200" ALL=(ALL) ALL'],
    ['for one command', 'alice ALL = /usr/bin/less'],
    ['in an alias', 'User_Alias OPS = bob, alice\nOPS ALL=ALL'],
    ['in the second alias of a line', 'User_Alias OPS = bob : WEB = %#1200\nWEB ALL=ALL'],
    ['on a continued line', 'bob, \\\n alice ALL=ALL'],
    ['among others, with blanks before the commas', 'bob , alice ALL=ALL'],
    ['with Windows line ends', 'alice ALL=(ALL) ALL\r\n'],
    ['as everybody', 'ALL ALL=(ALL) ALL'],
    ['as everybody but somebody', 'ALL, !bob ALL=(ALL) ALL'],
    ['as everybody in an alias', 'User_Alias EVERY = ALL\nEVERY ALL=(ALL) ALL'],
    ['as everybody, who needs no password', 'Defaults targetpw\nALL ALL=(ALL) NOPASSWD: ALL'],
    ['as everybody, as the other password is asked for no more', 'Defaults targetpw\nDefaults !targetpw\nALL ALL=ALL'],
    ['perhaps: a netgroup', '+admins ALL=(ALL) ALL'],
    ['perhaps: a group of a plug-in', '%:admins ALL=(ALL) ALL'],
    ['perhaps: a quote without an end', 'bob, "ca ALL=(ALL) ALL'],
    ['perhaps: a line that is none', 'grant everything to whom you like'],
  ])('%s', (_, text) => {
    expect(named({ sudoers: [text] })).toBe(true);
  });

  test('in an alias of another file', () => {
    expect(named({ sudoers: ['OPS ALL=(ALL) ALL', 'User_Alias OPS = alice'] })).toBe(true);
  });

  test.each([
    [
      'by the files of distributions',
      'Defaults env_reset # alice\nDefaults secure_path="/usr/sbin:/usr/bin"\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n#includedir /etc/more.d',
    ],
    ['by a comment', '# alice ALL=(ALL) ALL\n#alice ALL=(ALL) ALL\nbob ALL=(ALL) ALL # alice'],
    ['by a setting about it', 'Defaults:alice !lecture\nDefaults!/bin/ls !lecture'],
    ['by a rule of others', 'alice2 ALL=(ALL) ALL\n#100 ALL=ALL\n%#10 ALL=ALL\n%web ALL=ALL'],
    ['by an alias that has its name in capitals', 'User_Alias ALICE = bob\nALICE ALL=(ALL) ALL'],
    [
      'by aliases of commands, hosts and targets',
      'Cmnd_Alias A = /bin/alice\nHost_Alias B = web\nRunas_Alias C = alice',
    ],
    ['as everybody, where sudo asks for the password of the target', 'Defaults targetpw\nALL ALL=(ALL) ALL\n'],
    ['by hosts or commands', 'bob ALL=(ALL) /bin/su alice'],
  ])('not %s', (_, text) => {
    expect(named({ sudoers: [text] })).toBe(false);
  });
});

describe('doas and polkit name an account', () => {
  test.each<[string, Partial<Authorities>, boolean]>([
    ['doas: by name', { doas: ['permit nopass keepenv alice as root cmd reboot'] }, true],
    ['doas: by uid', { doas: ['permit 1000'] }, true],
    ['doas: by group', { doas: ['permit persist ":web team"'] }, true],
    ['doas: in words that are not understood', { doas: ['allow bob'] }, true],
    ['doas: not others', { doas: ['# alice\npermit :wheel\ndeny alice\n\npermit bob # alice\n'] }, false],
    ['polkit: by group', { polkit: ['polkit.addAdminRule(function () { return ["unix-group:alice"]; });'] }, true],
    [
      'polkit: by name in the older form',
      { polkit: ['[Configuration]\nAdminIdentities=unix-group:wheel;unix-user:alice'] },
      true,
    ],
    [
      'polkit: by a list that a program makes',
      { polkit: ['polkit.addAdminRule(() => polkit.spawn(["/bin/who"]));'] },
      true,
    ],
    ['polkit: by netgroup, perhaps', { polkit: ['AdminIdentities=unix-netgroup:admins'] }, true],
    [
      'polkit: not others',
      { polkit: ['polkit.addAdminRule(() => ["unix-group:sudo", "unix-user:0"]);', 'polkit.addRule(() => {});'] },
      false,
    ],
    ['nobody knows: a file could not be read', { incomplete: true }, true],
  ])('%s', (_, change, expected) => {
    expect(named(change)).toBe(expected);
  });
});

describe('the files are read', () => {
  const machine = (files: Record<string, string>) => {
    const root = mkdtempSync(join(tmpdir(), 'latchkey-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    const put = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text.replaceAll('ROOT', root));
    };
    for (const [path, text] of Object.entries(files)) put(path, text);
    return { root, read: () => readAuthorities({ etc: join(root, 'etc'), share: join(root, 'share') }) };
  };
  const RULE = 'alice ALL=(ALL) ALL\n';

  test('none is no fault, and names nobody', () => {
    expect(machine({}).read()).toEqual(NOBODY);
  });

  test.each([
    ['in sudoers.d, though nothing includes it', { 'etc/sudoers.d/ops': RULE }],
    ['in a file elsewhere', { 'etc/sudoers': '@include ROOT/opt/rules\n', 'opt/rules': RULE }],
    [
      'in a file whose path has quotes and blanks',
      { 'etc/sudoers': '@include "ROOT/opt/the rules"\n', 'opt/the rules': RULE },
    ],
    [
      'in a folder elsewhere, in the older form',
      { 'etc/sudoers': '#includedir ROOT/opt/sudo.d\n', 'opt/sudo.d/ops': RULE },
    ],
    ['beside the file that includes it', { 'etc/sudoers': '@include sudoers.local\n', 'etc/sudoers.local': RULE }],
    ['by an include within an include', { 'etc/sudoers': '@include ROOT/a\n', a: '@include ROOT/b\n', b: RULE }],
    ['for this host', { 'etc/sudoers': '@include ROOT/rules.%h\n', [`rules.${hostname().split('.')[0] ?? ''}`]: RULE }],
  ])('%s', (_, files) => {
    expect(isNamedByAuthorities(machine(files as Record<string, string>).read(), ALICE)).toBe(true);
  });

  test('doas and polkit where they keep their rules', () => {
    const { read } = machine({
      ...{ 'etc/doas.conf': 'permit bob', 'etc/doas.d/ops.conf': 'permit carol' },
      ...{ 'etc/polkit-1/rules.d/1.rules': 'one', 'share/polkit-1/rules.d/2.rules': 'two' },
      'etc/polkit-1/localauthority.conf.d/3.conf': 'three',
    });
    expect(read()).toEqual({ ...NOBODY, doas: ['permit bob', 'permit carol'], polkit: ['one', 'two', 'three'] });
  });

  test('once each, also in a circle', () => {
    const { read } = machine({ 'etc/sudoers': '@include ROOT/a\n', a: '@include ROOT/etc/sudoers\n' });
    expect(read()).toMatchObject({ sudoers: [expect.any(String), expect.any(String)], incomplete: false });
  });

  test('not what sudo passes over: names with a dot or a tilde, folders', () => {
    const { read } = machine({
      'etc/sudoers.d/ops.bak': RULE,
      'etc/sudoers.d/ops~': RULE,
      'etc/sudoers.d/old/ops': RULE,
    });
    expect(read()).toEqual(NOBODY);
  });

  test('an include that names nothing, a loop of links and what is no file leave it unknown', () => {
    expect(machine({ 'etc/sudoers': '@include\n' }).read().incomplete).toBe(true);
    expect(machine({ 'etc/sudoers': '@include /dev/null\n' }).read().incomplete).toBe(true);
    const { root, read } = machine({ 'etc/sudoers.d/README': '# none\n' });
    symlinkSync('loop', join(root, 'etc/sudoers.d/loop'));
    expect(read().incomplete).toBe(true);
  });
});
