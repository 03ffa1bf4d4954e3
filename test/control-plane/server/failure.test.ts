import { expect, test } from 'vitest';
import { describeFailure, type Choices } from '../../../control-plane/server/failure.ts';
import { StoreError } from '../../../control-plane/server/store/errors.ts';

const CHOICES: Choices = {
  directories: [
    { path: '/var/lib/latchkey', flag: '--data' },
    { path: '/etc/latchkey/keys', flag: '--keys' },
  ],
  addresses: [
    { address: { host: '::1', port: 8443 }, flag: '--listen' },
    { address: { host: '::1', port: 9464 }, flag: '"metricsListen" in the configuration' },
  ],
};
const systemError = (code: string, more: object) =>
  Object.assign(new Error(`${code}: as the system says it`), { code, ...more });

test.each<[string, object, string[]]>([
  ['EADDRINUSE', { syscall: 'listen', address: '::1', port: 8443 }, ['[::1]:8443', '--listen']],
  ['EADDRINUSE', { syscall: 'listen', address: '::1', port: 9464 }, ['[::1]:9464', 'metricsListen']],
  ['EADDRNOTAVAIL', { syscall: 'listen', address: '192.0.2.1', port: 8443 }, ['192.0.2.1:8443', '--listen']],
  ['EACCES', { syscall: 'listen', address: '0.0.0.0', port: 443 }, ['0.0.0.0:443', '--listen']],
  ['EACCES', { syscall: 'mkdir', path: '/var/lib/latchkey' }, ['"/var/lib/latchkey"', 'with --data.']],
  ['EACCES', { syscall: 'open', path: '/etc/latchkey/keys/ca.key' }, ['ca.key', 'with --keys.']],
  ['EACCES', { syscall: 'mkdir', path: '/etc/latchkey' }, ['"/etc/latchkey"', 'with --keys.']],
  ['EROFS', { syscall: 'open', path: '/var/lib/latchkey/latchkey.db' }, ['read-only', 'with --data.']],
  ['ENOENT', { syscall: 'open', path: '/etc/latchkey/keys' }, ['Create the directory', 'with --keys.']],
  ['EEXIST', { syscall: 'mkdir', path: '/var/lib/latchkey' }, ['is a file', 'with --data.']],
  ['EACCES', { syscall: 'open', path: '/root/a.db' }, ['"/root/a.db". Give them the directory, or name another one.']],
  ['ENOSPC', { syscall: 'write' }, ['no space', '--data or --keys']],
])('%s %o is told as what happened and what to change', (code, more, parts) => {
  const said = describeFailure(systemError(code, more), CHOICES);
  for (const part of parts) expect(said).toContain(part);
  expect(said).not.toContain(code);
});

test('what is a fault of ours comes with its stack, and errors of ours speak for themselves', () => {
  const ours = systemError('ERR_INVALID_ARG_TYPE', {});
  expect(describeFailure(ours, CHOICES)).toBe(ours.stack);
  const bug = new TypeError('a bug');
  expect(describeFailure(bug, CHOICES)).toBe(bug.stack);
  expect(describeFailure(new StoreError('database-busy', 'End the other one.'), CHOICES)).toBe(
    'End the other one. [database-busy]',
  );
});
