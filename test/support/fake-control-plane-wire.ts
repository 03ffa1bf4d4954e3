import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Transport } from '../../control-plane/cli/ports.ts';
import { issueAuthority, issueLeaf } from '../../control-plane/server/keys/certificate.ts';
import type { FakeControlPlane } from './fake-control-plane.ts';

/** In-memory HTTP: what the command line's own transport does, without sockets. */
export function transportTo(plane: FakeControlPlane, token: string, fail: () => Error): Transport {
  return {
    send: async ({ method, path, body, signal }) => {
      const answer = await plane.handle(method, path, `Bearer ${token}`, body ?? '').catch(() => {
        throw fail();
      });
      const text = 'json' in answer ? once(JSON.stringify(answer.json)) : answer.events;
      return { status: answer.status, body: bytesOf(text, signal, fail) };
    },
    close: () => Promise.resolve(),
  };
}

/** The same over HTTPS on loopback, under a certificate authority of its own. */
export async function listen(plane: FakeControlPlane): Promise<{ url: string; ca: string; close(): Promise<void> }> {
  const { key, cert, ca } = issueTls();
  const server = createServer({ key, cert }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      plane.handle(method, url, headers.authorization ?? '', Buffer.concat(parts).toString('utf8')).then(
        async (answer) => {
          const type = 'json' in answer ? 'application/json' : 'text/event-stream';
          response.writeHead(answer.status, { 'content-type': type });
          const text = 'json' in answer ? once(JSON.stringify(answer.json)) : answer.events;
          try {
            for await (const part of text) response.write(part);
            response.end();
          } catch {
            response.destroy();
          }
        },
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `https://127.0.0.1:${String(port)}`, ca, close };
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

/** Bytes in pieces of odd sizes, until the signal aborts: pieces are cut anywhere, as on a network. */
async function* bytesOf(
  parts: AsyncIterable<string>,
  signal: AbortSignal | undefined,
  fail: () => Error,
): AsyncGenerator<Uint8Array> {
  const aborted = new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(fail())));
  aborted.catch(() => undefined);
  const iterator = parts[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), aborted]).catch(() => {
      throw fail();
    });
    if (next.done === true) return;
    const bytes = Buffer.from(next.value);
    for (let at = 0; at < bytes.length; at += 7_919) yield bytes.subarray(at, at + 7_919);
  }
}

const DAY_MS = 86_400_000;

function issueTls(): { key: string; cert: string; ca: string } {
  const validity = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + DAY_MS };
  const name = 'Test authority';
  const ca = issueAuthority(name, validity);
  const { publicKey } = new X509Certificate(ca.certificatePem);
  const leaf = issueLeaf('127.0.0.1', { name, key: createPrivateKey(ca.keyPem), publicKey }, validity);
  return { key: leaf.keyPem, cert: leaf.certificatePem, ca: ca.certificatePem };
}
