import type { CodeEntry } from './entry.ts';

const code = (status: number, message: string, remedy: string) => ({ status, message, remedy });

/** Codes that answer a request of the REST API. */
export const API_CODES = {
  'body-malformed': code(400, 'The request is not valid.', 'Correct the fields listed under details.'),
  'body-too-large': code(413, 'The request is larger than 1 MiB.', 'Send it in smaller chunks.'),
  'media-type-unsupported': code(415, 'The body is not JSON.', 'Send content-type application/json.'),
  'route-not-found': code(404, 'There is no such route.', 'See /api/v1/openapi.json.'),
  'method-not-allowed': code(405, 'The route does not take this method.', 'See /api/v1/openapi.json.'),
  unauthenticated: code(
    401,
    'No valid API token was presented.',
    'Send "authorization: Bearer TOKEN" with a token that is neither revoked nor expired.',
  ),
  'csrf-token-invalid': code(
    403,
    'The request does not carry the token of its console session.',
    'Reload the page. If you did not send this request, somebody else did it in your name.',
  ),
  'origin-refused': code(
    403,
    'The request comes from a page of another origin.',
    'Open the console at the public URL of the control plane.',
  ),
  'console-session-not-found': code(404, 'There is no such console session.', 'Sign in.'),
  'not-authorised': code(
    403,
    'This token may not do that.',
    'Ask an administrator for a token with the right role, project and accounts.',
  ),
  'rate-limited': code(429, 'Too many requests.', 'Wait for the number of seconds in the retry-after header.'),
  'internal-error': code(500, 'The control plane failed.', 'Look for the request id in its log.'),
  'shutting-down': code(503, 'The control plane is shutting down.', 'Try again in a few seconds.'),
  'not-ready': code(503, 'The control plane is not ready.', 'See its log for the reason.'),

  'instance-not-found': code(404, 'There is no such instance.', 'List them with "latchkey instances list".'),
  'instance-name-taken': code(
    409,
    'Another instance has this name.',
    'Choose another name, remove that instance, or join as that one: --instance NAME when the token or the line is made.',
  ),
  'instance-has-tasks': code(409, 'The instance has resets that are not finished.', 'Cancel them or wait for them.'),
  'project-not-found': code(404, 'There is no such project.', 'List them with "latchkey service list".'),
  'project-exists': code(409, 'There is a project of that name already.', 'Use it, or choose another name.'),
  'statement-version-mismatch': code(
    409,
    'The service statement has changed since it was read.',
    'Read it again and accept the current version.',
  ),

  'join-token-invalid': code(
    401,
    'The join token is not valid.',
    'Create one with "latchkey tokens create --type join".',
  ),
  'join-token-expired': code(401, 'The join token has expired.', 'Create a new one.'),
  'join-token-used-up': code(401, 'The join token has no uses left.', 'Create one with more uses.'),
  'enrolment-proof-invalid': code(
    401,
    'The enrolment is not signed by the key that it presents.',
    'Run "latchkey-agent enroll" again; if it persists, the agent is damaged.',
  ),
  'identity-already-enrolled': code(
    409,
    'This identity is enrolled already.',
    'Run "latchkey-agent uninstall" first, or remove the instance.',
  ),
  'instance-already-enrolled': code(
    409,
    'The instance has an agent already.',
    'To bring its agent up to date, make a line without --instance ("latchkey agents install-command") and paste it there. Where it lost its identity, an operator must allow the re-enrolment: "latchkey tokens create --type join --instance NAME --re-enrol".',
  ),
  'os-fixed': code(
    409,
    'The instance was enrolled with another operating system.',
    'Remove the instance and enrol it anew.',
  ),

  'release-not-found': code(404, 'There is no such release.', 'List them with "latchkey agents releases".'),
  'token-not-found': code(404, 'There is no such token.', 'List them with "latchkey tokens list".'),

  'reset-not-found': code(404, 'There is no such reset.', 'List them with "latchkey resets list".'),
  'reset-not-planned': code(409, 'The plan has been used or has expired.', 'Plan the reset again.'),
  'reset-finished': code(409, 'The reset is finished.', 'There is nothing left to pause, resume or cancel.'),
  'reset-stopped': code(
    409,
    'The reset has stopped, because too many instances failed.',
    'Retry it with "latchkey resets retry ID" once the cause is mended.',
  ),
  'no-targets': code(422, 'No instance matches.', 'Name instances, or a tag that some instance has.'),
  'too-many-targets': code(422, 'One reset takes at most 10,000 instances.', 'Split it.'),
  'os-mixed': code(
    422,
    'An online reset takes Linux or Windows instances, not both.',
    'Reset the Linux and the Windows instances in two batches.',
  ),
  'targets-blocked': code(
    409,
    'Some instances are blocked, so nothing was started.',
    'Mend what stands in their way, or go on without them: --skip-blocked.',
  ),
  'targets-incomplete': code(
    422,
    'Some planned instances have no sealed password.',
    'Send a ciphertext for each instance that is not blocked.',
  ),
  'target-unplanned': code(
    422,
    'A ciphertext is for an instance that the plan does not hold.',
    'Plan the reset again.',
  ),
  'agent-key-changed': code(
    409,
    'The sealing key of an instance changed after the plan was made.',
    'Plan the reset again; the password is then sealed to the new key.',
  ),
  'reset-lifetime-invalid': code(
    422,
    'The moment after which the reset must not apply is past or too far ahead.',
    "Check this machine's clock; choose at most 30 days.",
  ),

  // Why an instance is blocked: answers of the plan, and of the moment right before delivery.
  'service-not-authorised': code(
    409,
    'Online reset is not enabled and authorised for the project.',
    'Read and accept the service statement: "latchkey service enable --project P".',
  ),
  'account-not-authorised': code(
    403,
    'This token may not reset this account on this instance.',
    'Ask an administrator for a token that may.',
  ),
  'instance-stopped': code(409, 'The instance is stopped.', 'Start it, or reset the password offline.'),
  'agent-not-installed': code(409, 'No agent is installed on the instance.', 'Install the agent.'),
  'agent-installing': code(409, 'The agent is being installed.', 'Wait until it is running.'),
  'agent-install-failed': code(
    409,
    'The installation of the agent failed.',
    'See the reason at the instance and install again.',
  ),
  'agent-offline': code(
    409,
    'The agent is not connected.',
    'Check that the instance is running and that it reaches the control plane.',
  ),
  'agent-abnormal': code(409, 'The agent is not healthy.', 'Mend the reasons listed at the instance.'),
  'agent-not-responding': code(
    409,
    'The agent did not answer a fresh challenge.',
    'The agent hangs or the network is cut; see the instance.',
  ),
  'agent-fenced': code(
    409,
    'Two machines use this identity, or it was copied.',
    'Find the copy, then re-enrol the instance.',
  ),
  'plug-in-missing': code(
    409,
    'No reset plug-in is installed on the instance.',
    'Offline resets need the reset plug-in, which this version does not have yet.',
  ),
  'reset-in-progress': code(
    409,
    'Another reset of this account is not finished.',
    'Wait for it, or supersede it with --supersede.',
  ),
} as const satisfies Record<string, CodeEntry>;

export type ApiCode = keyof typeof API_CODES;
