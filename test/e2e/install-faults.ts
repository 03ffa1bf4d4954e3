import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { InstallCode } from '#protocol';
import type { Host } from '../support/hosts/host.ts';
import { filesOf, secretOf, type InstallWorld } from './install-world.ts';

/** Something that stands in the way of an installation. */
export interface Fault {
  readonly what: string;
  readonly code: InstallCode;
  /** Options of the line. */
  readonly options?: readonly string[];
  /** Done on the host before, and undone after. */
  readonly before?: string;
  readonly after?: string;
  /** Done where the line is pasted, in mounts of its own. */
  readonly within?: string;
  /** What runs the shell. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly change?: (line: string) => string;
  /** True where nothing can be said to the control plane, or by nobody whom it believes. */
  readonly unheard?: true;
}

/** A program of that name before all others. */
export const shim = (tool: string, script: string): string =>
  `mkdir -p /run/shim && printf '#!/bin/sh\\n${script}\\n' > /run/shim/${tool} && chmod +x /run/shim/${tool} && export PATH=/run/shim:$PATH`;

/** Only wget is there; {@link bringWget} has brought it. */
export const WGET_ALONE = 'mount --bind /dev/null /usr/bin/curl && export PATH=/run/wget-alone:$PATH';

/** The wget of the machine that runs the tests: the hosts have none. */
export async function bringWget(host: Host): Promise<void> {
  await host.writeFile('/run/wget-alone/wget', await readFile('/usr/bin/wget'), '0755');
}

/** Another key under the same name: a byte within the key of the authority in the line. */
export function otherAuthority(line: string): string {
  const [head, pem = '', tail] = line.split(/(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----)/);
  const at = Math.floor(pem.length / 2);
  return `${head ?? ''}${pem.slice(0, at)}${pem[at] === 'A' ? 'B' : 'A'}${pem.slice(at + 1)}${tail ?? ''}`;
}

const over = (path: string, options: string): string => `mount -t tmpfs -o ${options} none ${path}`;
const UNIT = '/etc/systemd/system/latchkey-agent.service';
const MENDED = `rm -r ${UNIT}.d && systemctl daemon-reload`;

/** One of each class: what the host is, what it lacks, what is on the way, what was changed, who may join. */
export const COMMON_FAULTS: readonly Fault[] = [
  { what: 'another processor', options: ['--arch', 'arm64'], code: 'install-architecture-unsupported' },
  { what: 'an old C library', within: shim('getconf', 'echo glibc 2.27'), code: 'install-libc-unsupported' },
  { what: 'no systemd', within: over('/run/systemd', 'mode=755'), code: 'install-systemd-missing' },
  {
    what: 'no programs allowed where it is installed',
    within: over('/usr/local/lib', 'noexec,mode=755'),
    code: 'install-noexec',
  },
  { what: 'a full disk', within: over('/usr/local/lib', 'size=20m,mode=755'), code: 'install-disk-full' },
  {
    what: 'a service that does not start',
    before: `mkdir -p ${UNIT}.d && printf "[Service]\\nExecStartPre=/bin/false\\n" > ${UNIT}.d/fail.conf`,
    after: MENDED,
    code: 'install-service-failed',
  },
  { what: 'no route', prefix: ['unshare', '--net'], code: 'install-unreachable', unheard: true },
  { what: 'another authority', change: otherAuthority, code: 'install-tls-untrusted', unheard: true },
  {
    what: 'a wrong token',
    change: (line) => line.replace(/(lkj_[^_]+_)./, (_, start: string) => `${start}-`),
    code: 'install-enrolment-refused',
    unheard: true,
  },
];

/** @param proxy - address and port of a proxy that asks for a password */
export const rareFaults = (proxy: string): readonly Fault[] => [
  { what: 'no glibc', within: shim('getconf', 'exit 1'), code: 'install-libc-unsupported' },
  { what: 'a read-only disk', within: over('/usr/local/lib', 'ro,mode=755'), code: 'install-directory-unwritable' },
  {
    what: 'no room for the keys',
    within: `${over('/var/lib', 'size=4k,mode=755')} && head -c 4096 /dev/zero > /var/lib/other`,
    code: 'install-disk-full',
  },
  {
    what: 'a unit that cannot be written',
    within: over('/etc/systemd/system', 'ro,mode=755'),
    code: 'install-directory-unwritable',
  },
  {
    what: 'a missing tool',
    within: `mkdir -p /run/shim && mount --bind /dev/null /usr/bin/cmp`,
    code: 'install-tool-missing',
  },
  {
    what: 'a missing tool, and wget to say so',
    within: `${WGET_ALONE} && mount --bind /dev/null /usr/bin/cmp`,
    code: 'install-tool-missing',
  },
  {
    what: 'an altered archive',
    change: (line) => line.replace(/--sha256 \w{8}/, '--sha256 00000000'),
    code: 'install-archive-altered',
  },
  {
    what: 'a release that went away',
    change: (line) => line.replace(/--version \S+/, '--version 9.9.9'),
    code: 'install-release-missing',
  },
  {
    what: 'a program of another maker in its place',
    before: 'touch /usr/local/bin/latchkey-agent',
    after: 'rm /usr/local/bin/latchkey-agent',
    code: 'install-occupied',
  },
  {
    what: 'a proxy that is not there',
    env: { HTTPS_PROXY: `http://${proxy.replace(/\d+$/, '9')}` },
    code: 'install-unreachable',
    unheard: true,
  },
  {
    what: 'a proxy that wants a password',
    env: { HTTPS_PROXY: `http://${proxy}` },
    code: 'install-proxy-refused',
    unheard: true,
  },
  {
    what: 'no authority',
    change: (line) => line.replace(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/, ''),
    code: 'install-tls-untrusted',
    unheard: true,
  },
  {
    what: 'another script',
    change: (line) => line.replace(/' [0-9a-f]{64} /, `' ${'0'.repeat(64)} `),
    code: 'install-script-altered',
    unheard: true,
  },
  {
    what: 'a user who is not root',
    prefix: ['setpriv', '--reuid=65534', '--clear-groups'],
    code: 'install-not-root',
    unheard: true,
  },
];

/** Pastes the line where the fault is: its code is said on both ends, and nothing is left. */
export async function expectFault(installs: InstallWorld, host: Host, fault: Fault): Promise<void> {
  const { what, code, options = [], before: prepare, after, within = 'true', prefix = [], env = {} } = fault;
  const name = `faulty-${what.replaceAll(/[^a-z]+/gi, '-').toLowerCase()}`;
  await installs.world.json(['instances', 'add', name, '--os', 'linux']);
  const line = await installs.line('--instance', name, ...options);
  const before = await filesOf(host);
  if (prepare !== undefined) await host.must(['sh', '-c', prepare]);
  const shell = ['env', ...prefix, 'sh', '-c', `${within} && exec sh`] as const;
  const said = await host.exec(fault.within === undefined ? shell : ['unshare', '--mount', ...shell], {
    input: `${fault.change?.(line) ?? line}\n`,
    timeoutMs: 120_000,
    env,
  });
  await host.must(['sh', '-c', `${after ?? 'true'}; rm -rf /run/shim`]);
  expect(said.code, said.stderr).toBe(1);
  expect(said.stderr).toContain(`latchkey: ${code}: `);
  expect(said.stderr).not.toContain(secretOf(line));
  expect(await filesOf(host)).toEqual(before);
  expect(await host.exec(['systemctl', 'is-active', 'latchkey-agent'])).toMatchObject({ stdout: 'inactive\n' });
  const { state, reasons } = await installs.agentOf(name);
  expect({ state, codes: reasons.map((reason) => reason.code) }).toEqual(
    fault.unheard === true ? { state: 'not-installed', codes: [] } : { state: 'install-failed', codes: [code] },
  );
}
