/**
 * Makes the frozen vectors beside this file. They were written once; run it again only when a dated entry of the
 * protocol's history says that the wire has changed: `node test/protocol/vectors/make.ts`.
 */
import { writeFileSync } from 'node:fs';
import { IDS, KEYS, NOW, nonceOf } from './cast.ts';
import { domainInput, hpkeSeal, padded, sha256, signEd25519 } from './reference.ts';

const DOMAINS = [
  'session-server',
  'session-agent',
  'enrolment',
  'sealing-key',
  'order',
  'script',
  'key-set',
  'result',
  'release',
];
const DAY_MS = 24 * 3_600_000;

const b64 = (bytes: Buffer) => bytes.toString('base64url');
const jsonBytes = (value: unknown) => Buffer.from(JSON.stringify(value));

function signed(key: (typeof KEYS)[keyof typeof KEYS], type: string, body: unknown) {
  const bytes = jsonBytes(body);
  return {
    bytes: b64(bytes),
    key: key.thumbprint,
    signature: b64(signEd25519(key.secret, domainInput(type, bytes))),
  };
}

function thumbprints() {
  return Object.entries(KEYS).map(([name, { publicKey, thumbprint, raw }]) => ({
    name,
    curve: /sealing|ephemeral/i.test(name) ? 'X25519' : 'Ed25519',
    publicKeyHex: raw.toString('hex'),
    publicKey,
    thumbprint,
  }));
}

function signatures() {
  const bytes = Buffer.from('{"v":1}');
  return DOMAINS.map((type) => ({
    type,
    bytes: b64(bytes),
    inputHex: domainInput(type, bytes).toString('hex'),
    key: KEYS.identity.thumbprint,
    signature: b64(signEd25519(KEYS.identity.secret, domainInput(type, bytes))),
  }));
}

const TRANSCRIPT = {
  v: 1,
  protocol: 1,
  role: 'agent',
  instanceId: IDS.instance,
  identity: KEYS.identity.thumbprint,
  serverId: KEYS.script.thumbprint,
  agentNonce: nonceOf('agent'),
  serverNonce: nonceOf('server'),
};
const transcriptText = JSON.stringify(Object.values(TRANSCRIPT));
const binding = b64(sha256(transcriptText));

const transcripts = () => ({ transcript: TRANSCRIPT, text: transcriptText, sessionBinding: binding });

interface Options {
  readonly unlock: boolean;
  readonly unexpire: boolean;
  readonly mustChange: boolean;
}
const PLAIN: Options = { unlock: false, unexpire: false, mustChange: false };

function sealing(
  name: string,
  password: string,
  change: { readonly account?: string; readonly mode?: string; readonly options?: Options } = {},
) {
  const { account = 'alice', mode = 'online', options = PLAIN } = change;
  const notAfter = NOW + 600_000;
  const identity = KEYS.identity.thumbprint;
  const keyId = KEYS.sealing.thumbprint;
  const flags = [options.unlock, options.unexpire, options.mustChange];
  const associatedText = JSON.stringify([
    'latchkey/sealed-password/v1',
    ...[IDS.instance, identity, keyId, account, IDS.reset, mode],
    flags,
    notAfter,
  ]);
  const aad = sha256(associatedText);
  const message = { info: Buffer.alloc(0), aad, plaintext: padded(Buffer.from(password)) };
  const { enc, ciphertext } = hpkeSeal(KEYS.ephemeral.secret, KEYS.sealing.raw, message);
  return {
    name,
    context: { instanceId: IDS.instance, identity, account, resetId: IDS.reset, mode, options, notAfter },
    associatedText,
    associatedData: b64(aad),
    password,
    sealed: { keyId, enc: b64(enc), ciphertext: b64(ciphertext) },
    sealedDigest: b64(sha256(enc, ciphertext)),
  };
}

const sealings = () => [
  sealing('eight characters', 'Aa3!Aa3!'),
  sealing('twenty-six characters', 'Correct-Horse7_Battery.Stap'.slice(0, 26)),
  sealing('every option', 'Correct-Horse7', { options: { unlock: true, unexpire: true, mustChange: true } }),
  sealing('offline', 'Correct-Horse7', { mode: 'offline' }),
  sealing('the built-in administrator', 'Correct-Horse7', { account: '@rid-500' }),
  sealing('sixty-three bytes', 'é'.repeat(31) + 'x'),
];

function joinTokens() {
  const id = IDS.token;
  const secret = nonceOf('join secret');
  const scriptKey = KEYS.script.thumbprint;
  const pin = b64(sha256('latchkey vectors: CA'));
  return [
    { name: 'own CA', text: `lkj_${id}_${secret}_${pin}_${scriptKey}`, parts: { id, secret, caPin: pin, scriptKey } },
    {
      name: 'public CA',
      text: `lkj_${id}_${secret}_system_${scriptKey}`,
      parts: { id, secret, caPin: null, scriptKey },
    },
    {
      name: 'with the version of the key set',
      text: `lkj_${id}_${secret}_${pin}_${scriptKey}_12`,
      parts: { id, secret, caPin: pin, scriptKey, keySetVersionMin: 12 },
    },
  ];
}

const keySet = {
  v: 1,
  version: 2,
  serverId: KEYS.script.thumbprint,
  keys: [
    { role: 'script', publicKey: KEYS.script.publicKey, key: KEYS.script.thumbprint, status: 'active' },
    { role: 'order', publicKey: KEYS.order.publicKey, key: KEYS.order.thumbprint, status: 'active' },
    { role: 'release', publicKey: KEYS.release.publicKey, key: KEYS.release.thumbprint, status: 'revoked' },
  ],
  issuedAt: NOW - DAY_MS,
};

const sealingKey = signed(KEYS.identity, 'sealing-key', {
  v: 1,
  instanceId: IDS.instance,
  identity: KEYS.identity.thumbprint,
  keyId: KEYS.sealing.thumbprint,
  publicKey: KEYS.sealing.publicKey,
  epoch: 1,
  notAfter: NOW + 45 * DAY_MS,
});

/** The frames before the welcome. */
function handshake(): [from: string, frame: object][] {
  const proof = (key: (typeof KEYS)['order'], type: string) =>
    b64(signEd25519(key.secret, domainInput(type, Buffer.from(transcriptText))));
  const { role, instanceId, identity, serverId, agentNonce, serverNonce } = TRANSCRIPT;
  const facts = {
    os: 'linux',
    hostname: 'web-1',
    osVersion: 'Debian GNU/Linux 13',
    kernel: '6.12.0',
    architecture: 'x86_64',
    bootId: '4d1b8c0e-77d1-4f63-8f0e-5c0f6f2a9d11',
  };
  return [
    ['agent', { type: 'hello', protocols: [1], role, instanceId, identity, nonce: agentNonce, keySetVersion: 1 }],
    [
      'server',
      {
        type: 'server-proof',
        protocol: 1,
        serverId,
        nonce: serverNonce,
        key: KEYS.order.thumbprint,
        signature: proof(KEYS.order, 'session-server'),
        keySet: signed(KEYS.script, 'key-set', keySet),
      },
    ],
    [
      'agent',
      {
        type: 'agent-proof',
        signature: proof(KEYS.identity, 'session-agent'),
        continuity: nonceOf('continuity'),
        agentVersion: '0.1.0',
        facts,
        sealingKey,
        generations: [{ account: 'root', generation: 3 }],
        clock: NOW,
      },
    ],
    ['server', { type: 'welcome', sessionId: IDS.session, continuity: nonceOf('next continuity'), clock: NOW }],
  ];
}

/** One reset, from the order to the acknowledged result. */
function reset(): [from: string, frame: object][] {
  const script = Buffer.from('#!/bin/sh\nexit 0\n');
  const digest = b64(sha256(script));
  const { context, sealed, sealedDigest } = sealing('session', 'Correct-Horse7');
  const who = { v: 1, taskId: IDS.task, resetId: IDS.reset, instanceId: IDS.instance };
  const order = signed(KEYS.order, 'order', {
    ...who,
    identity: KEYS.identity.thumbprint,
    account: context.account,
    mode: context.mode,
    options: context.options,
    privileged: false,
    generation: 1,
    scriptDigest: digest,
    sealed,
    notAfter: context.notAfter,
    passwordPolicy: { charsMin: 8, classesMin: 3 },
    sessionBinding: binding,
    sessionAgeMs: 1200,
    lifetimeMs: 60_000,
  });
  const statement = signed(KEYS.script, 'script', { v: 1, name: 'reset-linux', os: 'linux', version: 1, digest });
  const result = signed(KEYS.identity, 'result', {
    ...who,
    account: context.account,
    generation: 1,
    sealedDigest,
    state: 'succeeded',
    code: null,
    detail: null,
    verifiedBy: 'login',
    warnings: [],
    appliedMs: 41,
    verifiedMs: 180,
  });
  return [
    ['server', { type: 'order', order, script: { statement, bytes: b64(script) } }],
    ['agent', { type: 'task-progress', taskId: IDS.task, state: 'accepted' }],
    ['agent', { type: 'task-progress', taskId: IDS.task, state: 'running' }],
    ['agent', { type: 'result', result }],
    ['server', { type: 'result-ack', taskId: IDS.task }],
  ];
}

/** Everything else that a session may carry. */
function rest(): [from: string, frame: object][] {
  const full = { 'account-database': { state: 'ok' }, clock: { state: 'ok' } };
  const failing = { state: 'failing', code: 'account-database-lock-held', detail: '/etc/.pwd.lock, pid 411' };
  return [
    ['agent', { type: 'health', sequence: 1, full: true, components: full }],
    ['agent', { type: 'health', sequence: 2, full: false, components: { 'account-database': failing } }],
    ['server', { type: 'health-request' }],
    ['server', { type: 'liveness-challenge', challenge: nonceOf('challenge') }],
    ['agent', { type: 'liveness-answer', challenge: nonceOf('challenge') }],
    ['agent', { type: 'order-refused', orderDigest: b64(sha256('another order')), code: 'order-other-session' }],
    ['agent', { type: 'sealing-key', sealingKey }],
    ['server', { type: 'key-set', keySet: signed(KEYS.script, 'key-set', keySet) }],
    ['agent', { type: 'key-set-refused', code: 'key-set-older' }],
    ['server', { type: 'drain', reconnectAfterMsMin: 1000, reconnectAfterMsMax: 30_000 }],
    ['agent', { type: 'goodbye', reason: 'agent-stopping' }],
  ];
}

const session = () =>
  [...handshake(), ...reset(), ...rest()].map(([from, frame]) => ({ from, text: JSON.stringify(frame) }));

/** What stands in each file. */
export function makeVectors(): Record<string, unknown> {
  return {
    'thumbprints.json': thumbprints(),
    'signatures.json': signatures(),
    'transcript.json': transcripts(),
    'sealing.json': sealings(),
    'join-tokens.json': joinTokens(),
    'session.json': session(),
  };
}

if (import.meta.main) {
  for (const [name, content] of Object.entries(makeVectors())) {
    writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(content, null, 2)}\n`);
  }
}
