/** A CONNECT proxy on the fabric's address that asks for `user:password`: `install-proxy.ts ADDRESS PORT CREDENTIALS`. */
import { createServer } from 'node:http';
import { connect } from 'node:net';

const [address = '', port = '', credentials = ''] = process.argv.slice(2);
const wanted = `Basic ${Buffer.from(credentials).toString('base64')}`;
const server = createServer();
server.on('connect', (request, client) => {
  client.on('error', () => undefined);
  if (request.headers['proxy-authorization'] !== wanted) {
    client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n');
    return;
  }
  const [host, target] = (request.url ?? '').split(':');
  const far = connect(Number(target), host, () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    far.pipe(client).pipe(far);
    console.log(`tunnel to ${request.url ?? ''}`);
  });
  far.on('error', () => client.destroy());
});
server.listen(Number(port), address, () => {
  console.log('up');
});
