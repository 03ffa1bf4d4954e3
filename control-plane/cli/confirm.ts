import { clientError, notConfirmable, type ErrorDetail } from './errors.ts';
import type { Ports } from './ports.ts';

/** Asks for a yes, unless it was given beforehand with `flag`. `details`: what a program should know of the question. */
export async function mustConfirm(
  ports: Pick<Ports, 'terminal'>,
  question: string,
  given: boolean,
  flag: string,
  details: readonly ErrorDetail[] = [],
): Promise<void> {
  if (given) return;
  const { terminal } = ports;
  const answer = await terminal.ask(`${question} [y/N] `);
  // Null is also an answer that was given up on; but then there was a terminal.
  if (answer === null && !(terminal.inIsTerminal && terminal.errIsTerminal)) throw notConfirmable(flag, details);
  if (answer === null || !/^y(es)?$/i.test(answer.trim())) throw clientError('not-confirmed');
}
