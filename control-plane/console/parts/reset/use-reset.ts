import { DEFAULT_PASSWORD_POLICY, type OperatingSystem, type PasswordPolicy } from '#protocol';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useClient } from '../../api/context.ts';
import {
  emptyForm,
  planRequestOf,
  ruleTargetsOf,
  type ResetForm,
  type ResetTarget,
  type RetriedReset,
} from './form.ts';
import { browserMemory } from './memory.ts';
import { missingOf, type Missing } from './missing.ts';
import { rulesFor, type Rule, type RuleTarget } from './rules.ts';
import { startReset, strangersOf, type Consent, type JudgedPlan, type Question, type ResetPorts } from './start.ts';
import { useDryRun, type DryRun } from './use-dry-run.ts';
import { usePassword, type PasswordState } from './use-password.ts';

/** Everything in the dialog. */
export interface DialogState {
  readonly targets: readonly ResetTarget[];
  readonly form: ResetForm;
  readonly setForm: (form: ResetForm) => void;
  readonly narrow: (os: OperatingSystem) => void;
  readonly password: PasswordState;
  readonly policy: PasswordPolicy;
  readonly rules: readonly Rule[];
  readonly ruleTargets: readonly RuleTarget[];
  readonly dryRun: DryRun;
  readonly consent: Consent;
  readonly setTrustStrangers: (trust: boolean) => void;
  /** What has to be mended; empty until somebody tries. */
  readonly missing: ReadonlySet<Missing>;
  readonly isBusy: boolean;
  readonly error: unknown;
  /** It may have started: the connection was lost. */
  readonly isUnknown: boolean;
  /** Nothing was sent, as these were not shown as they are now; their names. */
  readonly unseen: readonly string[];
  readonly ports: ResetPorts;
  readonly submit: () => void;
  /** Nothing more is sent. */
  readonly giveUp: () => void;
}

interface Props {
  readonly instances: readonly ResetTarget[];
  readonly retried: RetriedReset | null;
  readonly onDismiss: () => void;
}

const NOTHING: ReadonlySet<Missing> = new Set();

export function useReset({ instances, retried, onDismiss }: Props): DialogState {
  const ports = useResetPorts();
  // As they were chosen: the page behind may be asking for them anew.
  const [chosen] = useState(instances);
  const [narrowed, narrow] = useState<OperatingSystem | null>(null);
  const targets = useMemo(() => chosen.filter(({ os }) => narrowed === null || os === narrowed), [chosen, narrowed]);
  const [form, setForm] = useState(() => emptyForm(retried));
  const [trusted, setTrusted] = useState('');
  const password = usePassword();
  const { account, options, supersede } = form;
  const question = useMemo(
    // How fast it goes is no reason to ask again who can be reset.
    () => questionOf({ ...emptyForm(null), account, options, supersede }, targets, retried),
    [account, options, supersede, targets, retried],
  );
  const dryRun = useDryRun(question, ports);
  const policy = dryRun.judged?.plan.passwordPolicy ?? DEFAULT_PASSWORD_POLICY;
  const ruleTargets = useMemo(() => ruleTargetsOf(form, targets), [form, targets]);
  const rules = rulesFor(ruleTargets, policy, password.password);
  const strangers = strangersIn(dryRun.judged);
  const consent = { skipBlocked: form.skipBlocked, trustStrangers: strangers !== '' && trusted === strangers };
  const missing = missingOf({ form, ...password, rules, judged: dryRun.judged, consent });
  const starting = useStarting({ ports, onDismiss, password, dryRun });
  const submit = (): void => {
    starting.begin(missing.size === 0 ? questionOf(form, targets, retried) : null, consent);
  };
  // For those that are shown now: when others are, somebody has to look again.
  const setTrustStrangers = (trust: boolean): void => setTrusted(trust ? strangers : '');
  return {
    ...{ targets, form, setForm, narrow, password, policy, rules, ruleTargets, dryRun, consent, setTrustStrangers },
    missing: starting.wasTried ? missing : NOTHING,
    ...{ isBusy: starting.isBusy, error: starting.error, isUnknown: starting.isUnknown, ports, submit },
    unseen: starting.unseen,
    giveUp: starting.giveUp,
  };
}

function questionOf(...asked: Parameters<typeof planRequestOf>): Question | null {
  const request = planRequestOf(...asked);
  const [, targets] = asked;
  return request === null ? null : { request, names: new Map(targets.map(({ id, name }) => [id, name])) };
}

/** Which strangers are shown, to know whether they are those that somebody has looked at. */
function strangersIn(judged: JudgedPlan | null): string {
  const strangers = judged === null ? [] : strangersOf(judged.verdict);
  return strangers.map(({ instanceId, name, fingerprint }) => `${instanceId} ${name} ${fingerprint}`).join('\n');
}

function useResetPorts(): ResetPorts {
  const client = useClient();
  return useMemo(
    () => ({
      client,
      ...browserMemory(),
      now: () => Date.now(),
      monotonic: () => performance.now(),
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    }),
    [client],
  );
}

interface StartingProps {
  readonly ports: ResetPorts;
  readonly onDismiss: () => void;
  readonly password: PasswordState;
  readonly dryRun: DryRun;
}

/** From OK to the page of the reset. */
function useStarting({ ports, onDismiss, password, dryRun }: StartingProps) {
  const [, navigate] = useLocation();
  const [wasTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [isUnknown, setUnknown] = useState(false);
  const [unseen, setUnseen] = useState<readonly string[]>([]);
  const stop = useRef<AbortController | null>(null);
  const giveUp = useCallback(() => stop.current?.abort(), []);
  // However the dialog goes away.
  useEffect(() => giveUp, [giveUp]);

  const begin = (question: Question | null, consent: Consent): void => {
    setTried(true);
    if (question === null || isBusy) return;
    setBusy(true);
    setError(null);
    setUnseen([]);
    const { signal } = (stop.current = new AbortController());
    const { judged: shown } = dryRun;
    startReset({ question, shown, consent, password: password.password, onSealed: password.drop, signal }, ports).then(
      (outcome) => {
        setBusy(false);
        switch (outcome.kind) {
          case 'given-up':
            break;
          case 'started':
            // Nobody is taken away from where he went meanwhile; the list of resets has it.
            if (signal.aborted) break;
            onDismiss();
            navigate(`/resets/${outcome.resetId}`);
            break;
          case 'unknown':
            setUnknown(true);
            break;
          case 'hindered':
            dryRun.take(outcome.judged);
            if (outcome.obstacle.kind === 'refused') setError(outcome.obstacle.failure);
            if (outcome.obstacle.kind === 'unseen') setUnseen(outcome.obstacle.names);
            break;
          default:
            outcome satisfies never;
        }
      },
      (failure: unknown) => {
        setBusy(false);
        if (signal.aborted) return;
        // Nothing is asked for again until somebody types: the empty fields are not his mistake.
        setTried(false);
        setError(failure);
      },
    );
  };
  return { begin, giveUp, wasTried, isBusy, error, isUnknown, unseen };
}
