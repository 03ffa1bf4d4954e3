import type { ServiceStatement } from '#protocol';

/**
 * What is accepted when online reset is enabled for a project. The version rises with every change of meaning; projects
 * that accepted an older one keep their service until somebody enables it anew.
 */
export const SERVICE_STATEMENT: ServiceStatement = {
  version: 1,
  text: `Online password reset: what you authorise for this project

What it does. Those whom you give the right can set the password of a local account on a running instance, at once,
through the Latchkey agent. No restart is needed. A reset can also, where the operator asks for it, unlock the account,
remove its expiry, or demand another password at the next login. It never creates an account.

What runs on the instance. The agent runs with the rights of the system: as root on Linux, as LocalSystem on Windows. It
opens no port. It carries out only reset scripts of the catalogue that your script key signed, only on orders that your
control plane signed for that instance, and only within the policy file that the root of the instance keeps there.

Who sees a password. The person who sets it, and the instance. It is encrypted to the instance before it leaves the
console or the command line; the control plane stores and forwards ciphertext and has no key to it. The console's program
code comes from the control plane: whoever can change that code can read what is typed into the console.

What the control plane sees and keeps. Who reset which account on which instance, when, from which token, with which
options, and how it ended; the state of the agents and what they report of their machines. These records are kept in the
audit for as long as the configuration of the control plane says: 400 days, if it says nothing.

What it can cost. The old password stops working at once. Programs that use it, and people who are logged in with it,
have to be given the new one. An instance whose agent is not healthy is not reset.

Ending it. Disable the service at any time: no further online reset starts in the project, and those that were not yet
delivered are not.
`,
};
