import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch, hostname, release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AccountName,
  Claim,
  DETAIL_CHARS_MAX,
  printable,
  type ComponentStatus,
  type HealthCode,
  type InstanceFacts,
} from '#protocol';
import {
  createAccountReader,
  createComponentProbes,
  createDatabaseLocks,
  createLinuxResetter,
  createPasswordTool,
  createScriptRunner,
  createScriptStore,
  createSshPolicy,
  createVerifier,
  refillAfterMs,
  type ComponentHealth,
  type ResetResult,
} from './linux/index.ts';
import type { Clock, Instance, Random, ResetOutcome } from './ports.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export interface LinuxInstanceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The state directory: scripts and compiled code are kept in folders of it. */
  readonly directory: string;
  /** Keep a shell and a helper started for the next reset and its proof; costs their memory, saves their start. */
  readonly standby: boolean;
}

export interface LinuxInstance extends Instance {
  /** Ends what stands by. */
  close(): void;
}

/** This Linux machine, in the words of the protocol. */
export function createLinuxInstance({ clock, random, directory, standby }: LinuxInstanceOptions): LinuxInstance {
  const monotonicMs = () => clock.monotonic();
  const now = () => clock.now();
  const refill = () => refillAfterMs(random.fraction());
  const verifier = createVerifier({
    now,
    standby,
    refillAfterMs: refill,
    compileCacheDirectory: join(directory, 'compiled'),
  });
  const runner = createScriptRunner({
    store: createScriptStore(join(directory, 'scripts')),
    locks: createDatabaseLocks(),
    standby,
    refillAfterMs: refill,
    random: () => random.fraction(),
    monotonicMs,
    sleep: async (ms, signal) => {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    },
  });
  const accounts = createAccountReader({ now });
  const parts = { accounts, tool: createPasswordTool(), runner, verifier, ssh: createSshPolicy() };
  const resetter = createLinuxResetter({ ...parts, monotonicMs });
  const probes = createComponentProbes({ stateDirectory: directory });
  return {
    facts: async () => readFacts(),
    async nameOf(account) {
      const name = AccountName.safeParse(account);
      // The built-in administrator by its identifier is a notion of Windows.
      return name.success ? { ok: true, name: name.data } : { ok: false, code: 'account-not-found' };
    },
    async reset({ account, password, options, privileged, script, begun, signal }) {
      const bytes = Buffer.from(script);
      const result = await resetter.reset({
        accountName: account,
        password: async () => {
          const opened = await password();
          // The same memory, which the caller zeroes.
          return opened === null ? null : Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
        },
        options,
        privilegedAuthorised: privileged,
        script: { bytes, digest: createHash('sha256').update(bytes).digest('hex') },
        begun,
        signal,
      });
      return result === null ? null : outcomeOf(result);
    },
    probe: async () => ({
      'account-database': statusOf(probes['account-database']()),
      'script-runner': statusOf(probes['script-runner']()),
      authentication: statusOf(probes.authentication()),
      disk: statusOf(probes.disk()),
    }),
    close() {
      runner.close();
      verifier.close();
    },
  };
}

function statusOf(health: ComponentHealth): ComponentStatus {
  if (health.ok) return { state: 'ok' };
  const code: HealthCode = health.code;
  return { state: 'failing', code, detail: health.detail === '' ? null : printable(health.detail, DETAIL_CHARS_MAX) };
}

/** Codes and warnings are the protocol's own there, as the compiler sees to. */
function outcomeOf(result: ResetResult): ResetOutcome {
  return result.state === 'failed' ? { ...result, warnings: [] } : result;
}

/** Claims about this machine, for people. */
function readFacts(): InstanceFacts {
  const claim = (text: string) => Claim.parse(printable(text.trim()));
  return {
    os: 'linux',
    hostname: claim(hostname()),
    osVersion: claim(/^PRETTY_NAME="?([^"\n]*)/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux'),
    kernel: claim(release()),
    architecture: claim(arch()),
    bootId: claim(readText(BOOT_ID)),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
