import { hostname } from 'node:os';

import type { Narrator } from './narrator.ts';
import { CHECKOUT } from './places.ts';
import { quote } from './shell.ts';
import type { Stage } from './story.ts';
import type { Tour } from './tour.ts';

export interface GuideOptions {
  readonly narrator: Narrator;
  readonly stage: Stage;
  readonly tour: Tour;
  /** SHA-256 of the certificate that the control plane shows. */
  readonly fingerprint: string;
  /** Who has come through sudo, and is not root in another terminal either; null where root has come. */
  readonly user: string | null;
}

/** The way into the console, what there is to see, and how else to go on. Words in quotation marks stand on its pages. */
export function guide(options: GuideOptions): void {
  sayTheWayIn(options);
  sayTheTour(options);
  sayTheCommandLine(options);
  // Once more: by now the link has left many a screen.
  const { url } = options.stage.controlPlane;
  options.narrator.heading(
    `Running until you press Ctrl-C, which ends and removes all of it. The console is at ${url}/console`,
  );
}

function sayTheWayIn({ narrator, stage: { controlPlane }, fingerprint, user }: GuideOptions): void {
  const { url, tokenFile } = controlPlane;
  const { port, host } = new URL(url);
  narrator.heading(`The console: ${url}/console`);
  narrator.prose(
    'Open this link in a browser on this machine. From another one, run this there first, with a name by which it reaches this machine; the link is the same then:',
  );
  narrator.say(`  ssh -N -L ${port}:${host} ${user ?? 'root'}@${hostname()}`);
  narrator.say();
  narrator.prose(
    'The browser warns of the certificate: it comes from an authority that this demonstration has made for itself, and which no browser knows. Look at that certificate and go on (Advanced, then Proceed or Accept) if this is its SHA-256 fingerprint:',
  );
  narrator.say(`  ${fingerprint}`);
  narrator.say();
  narrator.prose('Sign in with the API token of the administrator, in a file that only root can read. This prints it:');
  narrator.say(`  ${asRoot(user)}cat ${quote(tokenFile)}`);
}

function sayTheTour({ narrator, stage: { account, entryScript }, tour, user }: GuideOptions): void {
  const { healthy, offline, abnormal, reason, mending } = tour;
  const on = `  ${asRoot(user)}${quote(entryScript)}`;
  narrator.heading('A tour in four steps');
  narrator.prose(
    `1. "Health": ${healthy.name} is running. ${offline.name} is offline, since its agent was stopped. ${abnormal.name} is abnormal, and beside it stand the reason, "${reason.message}", and what to do, "${reason.remedy}"`,
  );
  narrator.say();
  narrator.prose(
    `2. "Instances", and "Reset password" beside ${healthy.name}: "Account" ${account}, "Generate", "Copy", "Reset password". It says "Succeeded" once a login with the new password has worked on ${healthy.name}. Log in yourself (not as root, who would not be asked):`,
  );
  narrator.say(`${on} ${healthy.name} su -s /bin/sh nobody -c 'su ${account}'`);
  narrator.say();
  narrator.prose(
    `3. "Instances", select all three, "Reset password": "2 instances cannot be reset now", each with its reason and a link to it. Nothing is sent to any of them unless you say "Leave out what is blocked".`,
  );
  narrator.say();
  narrator.prose(
    '4. Mend both, and watch "Health" change by itself. The first line does what the remedy says; the second is the agent, which runs until you press Ctrl-C there:',
  );
  narrator.say(`${on} ${abnormal.name} ${mending.map(quote).join(' ')}`);
  narrator.say(`${on} ${offline.name} latchkey-agent run`);
}

function sayTheCommandLine({ narrator, stage: { controlPlane, account }, tour: { healthy } }: GuideOptions): void {
  narrator.heading('The same from the command line, as root in another terminal');
  const lines = [
    `cd ${quote(CHECKOUT)}`,
    `. ${quote(controlPlane.environmentFile)}`,
    'scripts/latchkey instances list',
    'scripts/latchkey audit list',
    `scripts/latchkey reset ${healthy.name} --account ${account}`,
  ];
  for (const line of lines) narrator.say(`  ${line}`);
  narrator.say();
  narrator.table([
    ["the control plane's log", controlPlane.daemon.logFile],
    ['its certificate authority', controlPlane.caFile],
  ]);
}

function asRoot(user: string | null): string {
  return user === null ? '' : 'sudo ';
}
