import { printable, type Code, type InstallProgress, type InstanceId } from '#protocol';
import type { AgentReason, InstanceRecord, TokenRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { AuditService } from './audit-service.ts';
import { createBackground } from './background.ts';
import { ApiError } from './errors.ts';
import type { Clock, Hash, Log } from './ports.ts';
import { secretMatches } from './token-secrets.ts';

/**
 * An installation that says nothing more for this long is taken for failed. It takes seconds, and minutes where the way
 * is slow; the script gives up by itself long before.
 */
export const INSTALL_SILENCE_MS_MAX = 30 * 60_000;

/** How installations go, as the installer on the host says with its join token; nothing is decided by it. */
export interface InstallService {
  /**
   * Shows it at the instance that the token is bound to, unless that has an agent which has been heard of. A token that
   * is bound to none has no instance to show it at: its failures are counted in the audit.
   */
  progress(said: InstallProgress, source: string): Promise<void>;
  /** After a start: takes up the limits of installations that were under way. */
  resume(): Promise<void>;
  /** Watches no more. */
  stop(): void;
  /** Resolves once nothing is left to be written. */
  settled(): Promise<void>;
}

interface Dependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly hash: Hash;
  readonly log: Log;
  readonly audit: Pick<AuditService, 'countRefusal'>;
}

export function createInstallService(deps: Dependencies): InstallService {
  const { store, clock, hash, audit } = deps;
  const limits = createLimits(deps);
  return {
    async progress(said, source) {
      const token = await store.read.tokens.get(said.tokenId);
      // A token without uses left is good for this: it was used up by the installation that goes on to fail.
      if (token?.type !== 'join' || !secretMatches(said.secret, token.secretDigest, hash) || token.revokedAt !== null) {
        audit.countRefusal({ code: 'join-token-invalid', source, action: 'agent.install' });
        throw new ApiError('join-token-invalid');
      }
      if (token.expiresAt !== null && clock.now() >= token.expiresAt) {
        audit.countRefusal({ code: 'join-token-expired', source, action: 'agent.install' });
        throw new ApiError('join-token-expired');
      }
      const { instanceId } = token;
      if (instanceId === null) {
        if (said.state === 'install-failed') audit.countRefusal({ code: said.code, source, action: 'agent.install' });
        return;
      }
      const shown = await store.transaction((tx) => show(deps, tx, token, instanceId, said));
      if (shown && said.state === 'installing') limits.watch(instanceId, INSTALL_SILENCE_MS_MAX);
    },
    resume: () => limits.resume(),
    stop: () => limits.stop(),
    settled: () => limits.settled(),
  };
}

/** Whether it was shown. */
async function show(
  { clock }: Dependencies,
  tx: Repositories,
  token: TokenRecord,
  id: InstanceId,
  said: InstallProgress,
): Promise<boolean> {
  const instance = await tx.instances.get(id);
  if (instance === null || !mayShow(instance, token, said)) return false;
  const since = clock.now();
  const reason: AgentReason =
    said.state === 'installing'
      ? { component: null, code: 'agent-installing', detail: null, since }
      : { component: null, code: said.code, detail: said.detail === null ? null : printable(said.detail), since };
  const by = `token:${token.id} ${token.name}`;
  await record(tx, instance, { state: said.state, reason, actor: by });
  return true;
}

/**
 * The host's word is shown as long as no agent has spoken for the instance. Where there was one, only a token that may
 * still replace it has a say, and only while that agent is away: nobody makes a running agent look broken. As at a
 * joining, a token is worth nothing to an instance that was moved to another project.
 */
function mayShow(instance: InstanceRecord, token: TokenRecord, said: InstallProgress): boolean {
  if (instance.connectedSince !== null || instance.fencedAt !== null) return false;
  if (token.projects?.includes(instance.project) !== true) return false;
  if (instance.identity === null || (token.reEnrol && token.usesLeft !== 0)) return true;
  return said.state === 'install-failed' && instance.lastSeenAt === null;
}

interface Shown {
  readonly state: 'installing' | 'install-failed';
  readonly reason: AgentReason;
  readonly actor: string;
}

async function record(tx: Repositories, instance: InstanceRecord, { state, reason, actor }: Shown): Promise<void> {
  await tx.instances.update(instance.id, { agentState: state, reasons: [reason] });
  const sameCode = instance.reasons[0]?.code === reason.code;
  // Said again is not another record: whoever holds the token could otherwise fill the audit.
  if (instance.agentState === state && sameCode) return;
  await tx.audit.append({
    at: reason.since,
    actor,
    action: 'agent.state',
    resource: `instance:${instance.id}`,
    decision: null,
    rule: null,
    code: reason.code satisfies Code,
    detail: { from: instance.agentState, to: state },
  });
}

const PAGE_ROWS = 500;

/** The end of installations that are not heard of again. */
function createLimits({ store, clock, log }: Dependencies) {
  const background = createBackground(log);
  const forgets = new Map<InstanceId, () => void>();

  const watch = (id: InstanceId, delayMs: number): void => {
    forgets.get(id)?.();
    forgets.set(
      id,
      clock.after(delayMs, () => {
        forgets.delete(id);
        background.run('ending an installation that is not heard of', () => expire(id));
      }),
    );
  };

  const expire = (id: InstanceId): Promise<void> =>
    store.transaction(async (tx) => {
      const instance = await tx.instances.get(id);
      if (instance?.agentState !== 'installing') return;
      const reason = { component: null, code: 'install-timed-out', detail: null, since: clock.now() } as const;
      await record(tx, instance, { state: 'install-failed', reason, actor: 'system' });
    });

  return {
    watch,
    async resume() {
      for (let after: string | null = null, more = true; more;) {
        const page = await store.read.instances.list({ state: 'installing' }, { limit: PAGE_ROWS, after });
        for (const { id, reasons } of page.rows) {
          const since = reasons[0]?.since ?? 0;
          watch(id, Math.max(0, since + INSTALL_SILENCE_MS_MAX - clock.now()));
        }
        after = page.next;
        more = after !== null;
      }
    },
    stop() {
      for (const forget of forgets.values()) forget();
      forgets.clear();
    },
    settled: () => background.settled(),
  };
}
