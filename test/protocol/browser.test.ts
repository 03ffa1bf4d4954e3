import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** A client's part of a reset, run where nothing of Node is in reach but the loader of modules. */
const CLIENT = `
  for (const name of ['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate', 'require']) delete globalThis[name];
  const p = await import('#protocol');
  const pair = await crypto.subtle.generateKey({ name: 'X25519' }, true, ['deriveBits']);
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const secret = p.fromBase64Url((await crypto.subtle.exportKey('jwk', pair.privateKey)).d);
  const publicKey = p.toBase64Url(raw);
  const keyId = await p.thumbprintOf(publicKey, 'X25519');
  const context = { instanceId: 'i', identity: 't', account: 'root', resetId: 'r', mode: 'online',
    options: { unlock: false, unexpire: false, mustChange: false }, notAfter: 1 };
  const password = p.generatePassword({ targets: [{ os: 'linux', account: 'root' }], randomBytes: p.randomBytes });
  const sealed = await p.sealPassword({ publicKey, keyId }, context, p.utf8(password));
  const opened = p.passwordText(await p.unsealPassword(secret, context, sealed));
  const node = ['process', 'Buffer', 'global', 'require'].filter((name) => name in globalThis);
  console.log(JSON.stringify({ same: opened === password, node }));
`;

test('a client works without anything of Node, as in a browser', async () => {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', CLIENT], { cwd });
  expect(JSON.parse(stdout)).toEqual({ same: true, node: [] });
});
