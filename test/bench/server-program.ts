/**
 * What the swarm connects to, in a process of its own: the control plane as `latchkey server` runs it, or a bare `ws`
 * with the same certificate that takes every socket and does nothing. Started by swarm/server.ts.
 */
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';

import { FRAME_BYTES_MAX, GATEWAY_SUBPROTOCOL } from '#protocol';
import { readConfig } from '../../control-plane/server/config.ts';
import { HTTP_SERVER_OPTIONS } from '../../control-plane/server/http/server-options.ts';
import { FILES } from '../../control-plane/server/keys/layout.ts';
import { createLog } from '../../control-plane/server/logging.ts';
import { startServer } from '../../control-plane/server/server.ts';
import { answerRequests } from './swarm/channel.ts';
import type { Heap, ServerRequest } from './swarm/server.ts';

const [kind = '', port = '', data = '', keys = '', pingEveryMs = '0'] = process.argv.slice(2);

async function latchkey(): Promise<() => Promise<void>> {
  const listen = `127.0.0.1:${port}`;
  const read = readConfig(null, { listen, publicUrl: `https://${listen}`, data, keys });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const server = await startServer(read.config, createLog({ level: read.config.logLevel }));
  return () => server.stop();
}

async function bare(): Promise<() => Promise<void>> {
  const tls = {
    key: readFileSync(join(keys, FILES.tlsKey), 'utf8'),
    cert: readFileSync(join(keys, FILES.tlsCertificate), 'utf8'),
  };
  const https = createServer({ ...HTTP_SERVER_OPTIONS, ...tls });
  const server = new WebSocketServer({
    server: https,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    handleProtocols: () => GATEWAY_SUBPROTOCOL,
  });
  if (Number(pingEveryMs) > 0) {
    // Each at its own time, as the control plane asks each.
    server.on('connection', (peer) => {
      const timer = setInterval(() => {
        peer.ping();
      }, Number(pingEveryMs));
      peer.on('close', () => {
        clearInterval(timer);
      });
    });
  }
  await new Promise<void>((resolve) => https.listen(Number(port), '127.0.0.1', resolve));
  return async () => {
    for (const peer of server.clients) peer.terminate();
    await new Promise((resolve) => https.close(resolve));
  };
}

async function answer(request: ServerRequest): Promise<Heap> {
  if (request.collect) for (let round = 0; round < 3; round += 1) await globalThis.gc?.({ execution: 'async' });
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapUsedBytes: heapUsed, externalBytes: external, residentBytes: rss };
}

const stop = kind === 'latchkey' ? await latchkey() : await bare();
answerRequests(answer, stop);
