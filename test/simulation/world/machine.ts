import { utf8, type InstanceFacts, type InstanceId, type Signed, type Signer, type Thumbprint } from '#protocol';
import { createAgent, type Agent } from '../../../agent/agent.ts';
import { KEY_SET } from '../../../agent/core/trust.ts';
import { OPEN_POLICY, type LocalPolicy } from '../../../agent/domain/policy.ts';
import type { AgentOptions } from '../../../agent/agent.ts';
import type { Log } from '../../../agent/ports.ts';
import { Life, type Hazard } from '../engine/life.ts';
import type { Prng } from '../engine/prng.ts';
import type { Scheduler } from '../engine/scheduler.ts';
import type { Trace } from '../engine/trace.ts';
import { Accounts } from '../fakes/accounts.ts';
import { createAgentCrypto, newSigner } from '../fakes/crypto.ts';
import { Disk } from '../fakes/disk.ts';
import type { Network } from '../fakes/network.ts';
import type { InstanceTruth } from '../truth/instance-truth.ts';
import type { Sabotage } from './sabotage.ts';
import { wallClock, type WallClock } from './wall-clock.ts';

/** The service manager starts an agent that ended again after this long. */
const RESTART_MS = { min: 100, max: 5_000 };
const BOOT_MS = { min: 2_000, max: 20_000 };

export interface MachineDeps {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly trace: Trace;
  readonly network: Network;
  readonly truth: InstanceTruth;
  readonly hazard: Hazard;
  readonly serverId: Thumbprint;
  readonly sabotage: Sabotage;
  /** Something that no fault explains. */
  readonly onFault: (what: string) => void;
}

/** What a copied machine has of its original. */
interface Contents {
  readonly disk: Disk;
  readonly accounts: Accounts;
}

/** A machine with an agent on it: what outlives the processes, and the process that runs now. */
export class Machine {
  readonly name: string;
  readonly instanceId: InstanceId;
  readonly identity: Signer;
  readonly disk: Disk;
  readonly accounts: Accounts;
  policy: LocalPolicy | null = OPEN_POLICY;
  #clock: WallClock;
  readonly #deps: MachineDeps;
  readonly #random: Prng;
  #bootId: string;
  #bootedAtMs: number;
  #powered = true;
  #life: Life | null = null;
  #agent: Agent | null = null;

  constructor(
    deps: MachineDeps,
    who: { readonly name: string; readonly instanceId: InstanceId; readonly identity: Signer },
    contents?: Contents,
  ) {
    this.#deps = deps;
    this.#random = deps.random.fork(who.name);
    this.name = who.name;
    this.instanceId = who.instanceId;
    this.identity = who.identity;
    this.disk = contents?.disk ?? new Disk(this.#random.fork('disk'));
    this.accounts = contents?.accounts ?? new Accounts(this.#random.fork('accounts'));
    this.#bootId = this.#random.uuid();
    this.#bootedAtMs = deps.scheduler.now();
    this.#clock = wallClock('right', 0);
  }

  static identityFor(random: Prng): Signer {
    return newSigner(random);
  }

  /** What enrolment leaves: the key set. */
  enrolled(keySet: Signed): void {
    this.disk.files.set(KEY_SET, utf8(JSON.stringify(keySet)));
  }

  /** Connected, with nothing left to say. */
  get settled(): boolean {
    const status = this.#agent?.status();
    return this.#life?.isDead() === false && status?.state === 'connected' && status.unacknowledgedResults === 0;
  }

  get state(): string {
    const status = this.#agent?.status();
    if (status === undefined || this.#life?.isDead() !== false) return this.#powered ? 'down' : 'off';
    return `${status.state} (${status.lastLoss ?? 'no loss'}), ${status.unacknowledgedResults} unacknowledged`;
  }

  set clock(clock: WallClock) {
    this.#deps.trace.count(`clock ${clock.fault}`);
    this.#clock = clock;
  }

  get running(): boolean {
    return this.#life?.isDead() === false;
  }

  /** Starts the agent, unless it runs or the machine is off. */
  start(): void {
    if (!this.#powered || this.#life?.isDead() === false) return;
    const life = new Life({
      scheduler: this.#deps.scheduler,
      hazard: this.#deps.hazard,
      onKilled: (where) => {
        this.#deps.trace.count(`agent killed ${where}`);
        this.#killed(`killed ${where}`);
      },
    });
    this.#life = life;
    const agent = createAgent(this.#deps.sabotage.agent(this.#ports(life)));
    this.#agent = agent;
    this.#deps.trace.add(this.name, 'agent starts');
    agent.start().catch((error: unknown) => {
      if (life.isDead()) return;
      if (!this.disk.health.full) this.#deps.onFault(`${this.name}: the agent does not start: ${String(error)}`);
      this.kill('cannot start');
    });
  }

  /** SIGKILL. False when nothing runs. */
  kill(why = 'killed'): boolean {
    if (this.#life?.isDead() !== false) return false;
    this.#life.end();
    this.#killed(why);
    return true;
  }

  /** SIGTERM, and again. */
  async restart(): Promise<void> {
    const [agent, life] = [this.#agent, this.#life];
    if (agent === null || life?.isDead() !== false) return;
    this.#deps.trace.add(this.name, 'agent stops');
    await agent.stop('agent-updating', this.#random.int(0, 10_000));
    if (life.isDead()) return;
    life.end();
    this.#killed('stopped');
  }

  /** Power loss or reset button: nothing is said to anybody. False when it is down already. */
  reboot(): boolean {
    if (!this.#powered) return false;
    this.#life?.end();
    this.#powered = false;
    this.#deps.trace.add(this.name, 'machine goes down');
    this.#deps.scheduler.after(this.#random.int(BOOT_MS.min, BOOT_MS.max), () => {
      this.#boot();
    });
    return true;
  }

  /** `shutdown -r`: the agent says goodbye first. */
  async shutDown(): Promise<void> {
    const [agent, life] = [this.#agent, this.#life];
    if (agent === null || life?.isDead() !== false) return;
    await agent.stop('instance-stopping', this.#random.int(0, 10_000));
    if (!life.isDead()) this.reboot();
  }

  /** Another machine with the same disk, taken this very moment. */
  clone(name: string): Machine {
    const contents = {
      disk: this.disk.copy(this.#random.fork(`${name} disk`)),
      accounts: this.accounts.copy(this.#random.fork(`${name} accounts`)),
    };
    const { instanceId, identity } = this;
    return new Machine(this.#deps, { name, instanceId, identity }, contents);
  }

  #boot(): void {
    this.#powered = true;
    this.#bootId = this.#random.uuid();
    this.#bootedAtMs = this.#deps.scheduler.now();
    this.#deps.trace.add(this.name, 'machine boots');
    this.start();
  }

  #killed(how: string): void {
    this.#deps.trace.add(this.name, `agent ${how}`);
    this.#deps.scheduler.after(this.#random.int(RESTART_MS.min, RESTART_MS.max), () => this.start());
  }

  #facts(): InstanceFacts {
    const bootId = this.#bootId;
    return { os: 'linux', hostname: this.name, osVersion: 'made up', kernel: '0', architecture: 'x64', bootId };
  }

  #ports(life: Life): AgentOptions {
    const { scheduler, network, truth, serverId } = this.#deps;
    const random = this.#random;
    const bootedAtMs = this.#bootedAtMs;
    // With a fraction, as real clocks have one, and another one each time.
    const monotonic = (): number => scheduler.now() - bootedAtMs + ((scheduler.now() * 7) % 1_000) / 1_000;
    const watch = truth.watch(this, life);
    return {
      transport: { dial: (handlers) => network.dial(this.name, life, handlers).agentEnd() },
      clock: {
        now: () => this.#clock.at(scheduler.now(), monotonic()),
        monotonic,
        after: (delayMs, run) => life.after(delayMs, run),
      },
      random,
      storage: this.disk.openFor(life, watch.disk),
      crypto: createAgentCrypto({ identity: this.identity, random, onUnsealed: (context) => watch.unsealed(context) }),
      instance: this.accounts.openFor(life, () => this.#facts(), watch.accounts),
      log: this.#log(life),
      policy: () => this.policy,
      ...{ instanceId: this.instanceId, serverId, agentVersion: '0.0.0' },
    };
  }

  /** What is logged as an error is one, unless the disk explains it. */
  #log(life: Life): Log {
    return {
      info: () => undefined,
      warn: () => undefined,
      error: (fields, message) => {
        if (life.isDead()) return;
        this.#deps.trace.add(this.name, `error: ${message} ${JSON.stringify(fields)}`);
        if (!/ENOSPC|no space left/.test(JSON.stringify(fields))) {
          this.#deps.onFault(`${this.name} logs: ${message} ${JSON.stringify(fields)}`);
        }
      },
    };
  }
}
