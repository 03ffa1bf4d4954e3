import { useCallback, useEffect, useState } from 'react';
import { planReset, type JudgedPlan, type Question, type ResetPorts } from './start.ts';

/** Who types an account is not asked about with every letter. */
const SETTLED_AFTER_MS = 400;

export interface DryRun {
  /** The newest answer, also while a newer one is on its way; null where there is none. */
  readonly judged: JudgedPlan | null;
  readonly error: unknown;
  readonly isAsking: boolean;
  /** Asks anew. */
  readonly again: () => void;
  /** A plan that came some other way. */
  readonly take: (judged: JudgedPlan) => void;
}

type Answer = { readonly judged: JudgedPlan } | { readonly error: unknown };

/**
 * Who could be reset, and who not and why. Not a query of the cache: each answer is a plan that the control plane keeps, and
 * it is asked for when the question changes, not with every change of an instance.
 */
export function useDryRun(question: Question | null, ports: ResetPorts): DryRun {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [askedFor, setAskedFor] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const [answeredRound, setAnsweredRound] = useState(-1);

  useEffect(() => {
    if (question === null) return undefined;
    const over = new AbortController();
    const settle = (next: Answer): void => {
      if (over.signal.aborted) return;
      setAnswer(next);
      setAskedFor(question);
      setAnsweredRound(round);
    };
    const timer = setTimeout(() => {
      planReset(question, ports, over.signal).then(
        (judged) => settle({ judged }),
        (error: unknown) => settle({ error }),
      );
    }, SETTLED_AFTER_MS);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [question, ports, round]);

  const again = useCallback(() => setRound((before) => before + 1), []);
  const take = useCallback((judged: JudgedPlan) => setAnswer({ judged }), []);
  return {
    judged: answer !== null && 'judged' in answer && question !== null ? answer.judged : null,
    error: answer !== null && 'error' in answer && question !== null ? answer.error : null,
    isAsking: question !== null && (askedFor !== question || answeredRound !== round),
    again,
    take,
  };
}
