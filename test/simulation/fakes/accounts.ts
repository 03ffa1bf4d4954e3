import { fromUtf8, type AccountName, type ComponentMap, type InstanceFacts, type ResultCode } from '#protocol';
import type { Instance, ResetOutcome, ResetRequest } from '../../../agent/ports.ts';
import { never, type Life } from '../engine/life.ts';
import type { Prng } from '../engine/prng.ts';

/** The accounts that every machine has; `root` is the privileged one. */
export const ACCOUNTS = ['root', 'alice'] as const;

/** Failures before anything was touched, as the real scripts report them. */
const HARMLESS_CODES: readonly ResultCode[] = [
  'account-database-lock-held',
  'account-database-read-only',
  'policy-refused',
  'script-failed',
];

/** Hears what truly happens to accounts. */
export interface AccountWatch {
  /** A script was started. */
  runs(account: AccountName, password: string): void;
  /** The password stands in the account database. */
  applied(account: AccountName, password: string): void;
  /** The system accepted the password. */
  verified(account: AccountName, password: string): void;
}

/** How long the two parts of a reset take at the most, in virtual milliseconds. */
const APPLY_MS_MAX = 3_000;
const VERIFY_MS_MAX = 2_000;

/** The account database of one machine: it outlives every process, and forgets nothing that was written to it. */
export class Accounts {
  readonly passwords = new Map<AccountName, string>();
  /** What the machine says about itself; something may be broken for a while. */
  components: ComponentMap = { 'account-database': { state: 'ok' }, 'script-runner': { state: 'ok' } };
  /** How often a reset fails before it touches anything, and how often nothing can prove it. */
  failing = 0;
  inconclusive = 0;
  readonly #random: Prng;

  constructor(random: Prng) {
    this.#random = random;
  }

  /** The port of one process of the agent. */
  openFor(life: Life, facts: () => InstanceFacts, watch: AccountWatch): Instance {
    return {
      facts: async () => facts(),
      probe: async () => this.components,
      nameOf: async (account) => {
        const known = ACCOUNTS.find((name) => name === account);
        return known === undefined
          ? { ok: false, code: 'account-not-found' }
          : { ok: true, name: known as string as AccountName };
      },
      reset: (request) => this.#reset(life, watch, request),
    };
  }

  /** A copy of the database, as a copied disk has it. */
  copy(random: Prng): Accounts {
    const copy = new Accounts(random);
    for (const [account, password] of this.passwords) copy.passwords.set(account, password);
    return copy;
  }

  async #reset(life: Life, watch: AccountWatch, request: ResetRequest): Promise<ResetOutcome | null> {
    const opened = await request.password();
    if (!(await request.begun) || opened === null) return null;
    if (life.hazard('before the script')) return never();
    const { account } = request;
    // A copy, as the script gets one through its descriptor.
    const password = fromUtf8(opened);
    watch.runs(account, password);
    if (account === 'root' && !request.privileged) return failed('account-privileged');
    if (this.#random.chance(this.failing)) {
      await life.sleep(this.#random.int(0, APPLY_MS_MAX));
      return failed(this.#random.pick(HARMLESS_CODES));
    }
    const appliedMs = this.#random.int(1, APPLY_MS_MAX);
    const gaveUp = await this.#apply(life, watch, { account, password, appliedMs, signal: request.signal });
    if (gaveUp) return { state: 'outcome-unknown', code: 'interrupted', detail: 'given up', warnings: [] };
    if (life.hazard('after the script')) return never();
    const verifyMs = this.#random.int(1, VERIFY_MS_MAX);
    await life.sleep(verifyMs);
    if (this.#random.chance(this.inconclusive)) {
      return { state: 'outcome-unknown', code: 'verification-inconclusive', detail: '', warnings: [] };
    }
    if (this.passwords.get(account) !== password) return failed('password-not-accepted');
    watch.verified(account, password);
    const proven = { state: 'succeeded', verifiedBy: 'login', warnings: [] } as const;
    return { ...proven, appliedMs, verifiedMs: appliedMs + verifyMs };
  }

  /**
   * The script. It ends with the process that started it, as the service manager sees to, and has by then replaced the
   * password or has not. Resolves to whether it was given up.
   */
  #apply(
    life: Life,
    watch: AccountWatch,
    run: {
      readonly account: AccountName;
      readonly password: string;
      readonly appliedMs: number;
      readonly signal: AbortSignal;
    },
  ): Promise<boolean> {
    return new Promise((resolve) => {
      let over = false;
      const end = (applies: boolean, gaveUp: boolean): void => {
        if (over) return;
        over = true;
        forgetEnd();
        forgetTimer();
        run.signal.removeEventListener('abort', onAbort);
        if (applies) {
          this.passwords.set(run.account, run.password);
          watch.applied(run.account, run.password);
        }
        resolve(gaveUp);
      };
      const onAbort = (): void => end(this.#random.chance(0.5), true);
      const forgetEnd = life.atEnd(() => end(this.#random.chance(0.5), true));
      const forgetTimer = life.after(run.appliedMs, () => end(true, false));
      run.signal.addEventListener('abort', onAbort);
    });
  }
}

function failed(code: ResultCode): ResetOutcome {
  return { state: 'failed', code, detail: '', warnings: [] };
}
