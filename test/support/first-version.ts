import { fromBase64Url, fromUtf8 } from '#protocol';

/**
 * What the first version of the protocol says, field by field, as it was when it came out: never edited. Its frames are
 * closed, so that a peer of it can neither be sent another field nor do without one of these.
 */
export const FIRST_VERSION: {
  readonly fromServer: Readonly<Record<string, readonly string[]>>;
  readonly fromAgent: Readonly<Record<string, readonly string[]>>;
} = {
  fromServer: {
    'server-proof': ['key', 'keySet', 'nonce', 'protocol', 'serverId', 'signature', 'type'],
    welcome: ['clock', 'continuity', 'sessionId', 'type'],
    'health-request': ['type'],
    'liveness-challenge': ['challenge', 'type'],
    order: ['order', 'script', 'type'],
    'order.script': ['bytes', 'statement'],
    'order.order': [
      'account',
      'generation',
      'identity',
      'instanceId',
      'lifetimeMs',
      'mode',
      'notAfter',
      'options',
      'passwordPolicy',
      'privileged',
      'resetId',
      'scriptDigest',
      'sealed',
      'sessionAgeMs',
      'sessionBinding',
      'taskId',
      'v',
    ],
    'order.order.options': ['mustChange', 'unexpire', 'unlock'],
    'order.order.passwordPolicy': ['charsMin', 'classesMin'],
    'order.order.sealed': ['ciphertext', 'enc', 'keyId'],
    'order.script.statement': ['digest', 'name', 'os', 'v', 'version'],
    'result-ack': ['taskId', 'type'],
    drain: ['reconnectAfterMsMax', 'reconnectAfterMsMin', 'type'],
  },
  fromAgent: {
    hello: ['identity', 'instanceId', 'keySetVersion', 'nonce', 'protocols', 'role', 'type'],
    'agent-proof': ['agentVersion', 'clock', 'continuity', 'facts', 'generations', 'sealingKey', 'signature', 'type'],
    'agent-proof.facts': ['architecture', 'bootId', 'hostname', 'kernel', 'os', 'osVersion'],
    'agent-proof.sealingKey': ['epoch', 'identity', 'instanceId', 'keyId', 'notAfter', 'publicKey', 'v'],
    health: ['components', 'full', 'sequence', 'type'],
    'liveness-answer': ['challenge', 'type'],
    'task-progress': ['state', 'taskId', 'type'],
    result: ['result', 'type'],
    'result.result': [
      'account',
      'appliedMs',
      'code',
      'detail',
      'generation',
      'instanceId',
      'resetId',
      'sealedDigest',
      'state',
      'taskId',
      'v',
      'verifiedBy',
      'verifiedMs',
      'warnings',
    ],
  },
};

/** What is signed and travels as bytes within a frame. */
const SIGNED: readonly string[] = ['order.order', 'order.script.statement', 'agent-proof.sealingKey', 'result.result'];

/** The fields of a frame and of what the first version names within it, each sorted. */
export function shapesOf(
  frame: unknown,
  known: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  const { type } = fieldsOf(frame);
  const found: Record<string, readonly string[]> = { [String(type)]: Object.keys(fieldsOf(frame)).toSorted() };
  for (const path of Object.keys(known).filter((name) => name.startsWith(`${String(type)}.`))) {
    found[path] = Object.keys(fieldsOf(at(frame, path))).toSorted();
  }
  return found;
}

function at(frame: unknown, path: string): unknown {
  const steps = path.split('.');
  return steps.slice(1).reduce((value, step, index) => {
    const next = fieldsOf(value)[step];
    const isSigned = SIGNED.includes(steps.slice(0, index + 2).join('.'));
    return isSigned ? JSON.parse(fromUtf8(fromBase64Url(String(fieldsOf(next)['bytes'])))) : next;
  }, frame);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${JSON.stringify(value)}`);
  return value as Readonly<Record<string, unknown>>;
}
