import { ADVISORY_CODES, type AgentFrame, type ComponentMap, type ComponentStatus } from '#protocol';
import {
  forNewSession,
  isSame,
  judgeClock,
  judgeConnection,
  LOSS_WINDOW_MS,
  nextMessage,
  NO_REPORT,
  observe,
  type HealthReport,
} from '../domain/health.ts';
import { clockSkew, type ServerTime } from '../domain/wall-clock.ts';
import type { Clock, Instance, Log } from '../ports.ts';

/** How often everything is looked at. */
const PROBE_INTERVAL_MS = 10_000;
/**
 * The same while something fails that blocks resets: the control plane shows what lasts for 10 s, which a look at either
 * end of that span would not tell from a moment's lock; and what is mended is to be said at once.
 */
const FAILING_PROBE_INTERVAL_MS = 2_000;

export interface HealthWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly instance: Pick<Instance, 'probe'>;
  readonly journal: () => ComponentStatus;
  /** A journal that could not be written is tried again at every look. */
  readonly retryJournal: () => Promise<void>;
  readonly trust: () => ComponentStatus;
  readonly serverTime: () => ServerTime | null;
  readonly send: (frame: AgentFrame) => void;
  readonly onChange: () => void;
}

/** Looks at the components now and then, and reports what has changed. */
export interface HealthWatch {
  /** Resolves after the first look. */
  start(): Promise<void>;
  /** A session is live: from now on it is told, beginning with everything. */
  sessionLive(): void;
  sessionLost(unexpectedly: boolean): void;
  /** Something of the agent's own has changed: looks at that at once. */
  refresh(): void;
  sayAll(): void;
  components(): ComponentMap;
  stop(): void;
}

export function createHealthWatch(options: HealthWatchOptions): HealthWatch {
  const { clock, log, send, onChange } = options;
  let report: HealthReport = NO_REPORT;
  let losses: readonly number[] = [];
  let live = false;
  let stopped = false;
  let forgetNext: (() => void) | null = null;

  const say = (full: boolean) => {
    if (!live) return;
    const [next, message] = nextMessage(report, full);
    report = next;
    if (message !== null) send({ type: 'health', ...message });
  };
  const note = (components: ComponentMap) => {
    const names = Object.keys(components) as (keyof ComponentMap)[];
    const changed = names.filter((name) => !isSame(report.current[name], components[name]));
    report = observe(report, components);
    if (changed.length === 0) return;
    for (const name of changed) {
      const status = components[name];
      if (status?.state === 'failing')
        log.warn({ component: name, code: status.code, detail: status.detail }, 'a component fails');
    }
    say(false);
    onChange();
  };
  const own = (): ComponentMap => ({
    journal: options.journal(),
    trust: options.trust(),
    clock: judgeClock(clockSkew({ wallMs: clock.now(), monotonicMs: clock.monotonic() }, options.serverTime())),
    connection: judgeConnection(losses, clock.monotonic()),
  });
  const look = async (): Promise<void> => {
    const [probed] = await Promise.all([options.instance.probe(), options.retryJournal()]);
    if (!stopped) note({ ...probed, ...own() });
  };
  const lookAgain = () => {
    forgetNext = clock.after(lookInterval(report.current), () => {
      look()
        .catch((error: unknown) => log.error({ error: String(error) }, 'the components could not be looked at'))
        .finally(() => {
          if (!stopped) lookAgain();
        });
    });
  };

  return {
    async start() {
      await look();
      lookAgain();
    },
    sessionLive() {
      live = true;
      report = observe(forNewSession(report), own());
      say(true);
    },
    sessionLost(unexpectedly) {
      live = false;
      const now = clock.monotonic();
      if (unexpectedly) losses = [...losses, now].filter((at) => now - at < LOSS_WINDOW_MS);
      note(own());
    },
    refresh: () => note(own()),
    sayAll: () => say(true),
    components: () => report.current,
    stop() {
      stopped = true;
      forgetNext?.();
    },
  };
}

function lookInterval(components: ComponentMap): number {
  const blocks = (status: ComponentStatus) => status.state === 'failing' && !ADVISORY_CODES.includes(status.code);
  return Object.values(components).some(blocks) ? FAILING_PROBE_INTERVAL_MS : PROBE_INTERVAL_MS;
}
