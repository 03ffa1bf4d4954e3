/**
 * Runs inside a fabric as a child of the test process, which hands it the sockets it has accepted on the machine's own
 * loopback; each is joined to the same port of the fabric's address. Only sockets cross the border between the network
 * namespaces, so nothing has to be routed, and two fabrics may use the same addresses.
 */
import { connect, type Socket } from 'node:net';

interface Join {
  readonly host: string;
  readonly port: number;
}

process.on('message', (message: unknown, handle: unknown) => {
  const near = handle as Socket | undefined;
  if (near === undefined) return; // the connection was closed while it was on its way to us
  const far = connect(message as Join);
  near.pipe(far).pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
});
process.on('disconnect', () => process.exit(0));
