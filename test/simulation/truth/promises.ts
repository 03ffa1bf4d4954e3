/**
 * What is promised, each as a sentence. The first ones are looked at while things happen, the last ones when everything
 * has come to rest.
 */
export const PROMISES = {
  'nothing breaks inside': 'No part throws, or logs an error that no fault explains.',
  'orders are well formed': 'Every order that leaves can be read by the schema of the protocol.',
  'only orders of the control plane are taken': 'An agent takes no order that the control plane did not send.',
  'no order outlives its session': 'An agent takes an order only in the session that it was signed for.',
  'only the owner unseals': 'A password is opened by the instance that it was sealed for, and by no other.',
  'only what was asked for happens':
    'A script sets a password that an operator sealed for this account of this instance.',
  'record before effect': 'Nothing runs on an instance whose task is not durably recorded as dispatched.',
  'journal before effect': 'No script runs before its beginning is on the disk of the instance.',
  'a reset is applied once': 'After the last word on a reset is on disk, its script does not run again.',
  'an older generation never follows a newer one': 'A reset never undoes one that was asked for later.',
  'generations strictly rise': 'No two resets of an account have one generation, also after a restored backup.',
  'nothing is applied after its limit': 'No script changes an account when its order or its request has run out.',
  'every change is audited': "A start, and each change of a task's state, commits together with its audit record.",
  'sealed bytes go with the task': 'A task that has ended keeps no sealed password.',
  'no healthy agent is fenced': 'An instance of which there is no copy is not fenced.',
  'a copy is fenced': 'An instance of which there are two is fenced before long.',
  'everything comes to rest': 'Without faults, agents connect, results are acknowledged, and tasks and resets end.',
  'every task ends': 'No task is left in a state that is not final.',
  'every reset ends': 'No reset is left without its end.',
  'every end is true': 'The state of a task says what happened to the account; unknown is only what nobody knows.',
  'nothing is lost': 'No task is gone that was committed and not taken back by a restored backup.',
  'the newest password works': 'Each account has the password of the newest generation that was applied to it.',
  'the audit is a chain': 'The audit records of a task lead from its first state to the one it has, without a gap.',
} as const;

export type PromiseName = keyof typeof PROMISES;
