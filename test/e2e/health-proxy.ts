/** A CONNECT proxy that cuts what is silent for too long, with no word to either end: `health-proxy.ts ADDRESS PORT IDLE_MS`. */
import { createServer } from 'node:http';
import { connect } from 'node:net';

const [address = '', port = '', idleMs = ''] = process.argv.slice(2);
const server = createServer();
server.on('connect', (request, client) => {
  const [host, target] = (request.url ?? '').split(':');
  const far = connect(Number(target), host, () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    far.pipe(client).pipe(far);
  });
  for (const [end, other] of [
    [client, far],
    [far, client],
  ] as const) {
    end.on('error', () => other.destroy());
    end.on('close', () => other.destroy());
  }
  // Both directions count: what goes one way is written on the other.
  far.setTimeout(Number(idleMs), () => {
    far.destroy();
    client.destroy();
  });
});
server.listen(Number(port), address, () => {
  process.stdout.write('up\n');
});
