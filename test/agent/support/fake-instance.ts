import { fromUtf8, AccountName, type ComponentMap, type InstanceFacts } from '#protocol';
import type { AccountNaming, Instance, ResetOutcome, ResetRequest } from '../../../agent/ports.ts';

export const PROVEN: ResetOutcome = {
  state: 'succeeded',
  verifiedBy: 'login',
  warnings: [],
  appliedMs: 1,
  verifiedMs: 2,
};

/** One call of the reset, as the machine saw it. */
export interface Run {
  readonly account: string;
  /** A copy, since the caller zeroes its own. */
  readonly password: string;
  readonly privileged: boolean;
  /** The caller's own bytes. */
  readonly bytes: Uint8Array;
}

/** A machine whose resets end when, and how, the test says. */
export class FakeInstance implements Instance {
  readonly runs: Run[] = [];
  bootId = 'boot-1';
  components: ComponentMap = { 'account-database': { state: 'ok' } };
  naming: AccountNaming | null = null;
  /** How a reset ends; by default at once, proven. */
  onReset: (request: ResetRequest) => ResetOutcome | Promise<ResetOutcome> = () => PROVEN;

  facts(): Promise<InstanceFacts> {
    const { bootId } = this;
    return Promise.resolve({
      ...{ os: 'linux', hostname: 'made-up', osVersion: 'none', kernel: '0', architecture: 'x64', bootId },
    });
  }

  nameOf(account: string): Promise<AccountNaming> {
    return Promise.resolve(this.naming ?? { ok: true, name: AccountName.parse(account) });
  }

  async reset(request: ResetRequest): Promise<ResetOutcome | null> {
    const password = await request.password();
    if (!(await request.begun) || password === null) return null;
    const { account, privileged } = request;
    this.runs.push({ account, password: fromUtf8(password), privileged, bytes: password });
    return this.onReset(request);
  }

  probe(): Promise<ComponentMap> {
    return Promise.resolve(this.components);
  }

  /** Resets hang until the returned function is called, with how they end. */
  hold(): (outcome?: ResetOutcome) => void {
    let release: (outcome: ResetOutcome) => void = () => undefined;
    const held = new Promise<ResetOutcome>((resolve) => {
      release = resolve;
    });
    this.onReset = () => held;
    return (outcome = PROVEN) => release(outcome);
  }
}
