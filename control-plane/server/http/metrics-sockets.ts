import { Counter, Gauge, type Registry } from 'prom-client';
import type { SocketLimitName } from '../gateway/socket-limits.ts';

/** Returns what is to be called for each socket that was cut because there were too many. */
export function addSockets(registry: Registry, unproven: () => number): (limit: SocketLimitName) => void {
  new Gauge({
    name: 'latchkey_sockets_unproven',
    help: 'Open sockets of peers that have not proven themselves as an instance',
    registers: [registry],
    collect() {
      this.set(unproven());
    },
  });
  const refused = new Counter({
    name: 'latchkey_sockets_refused_total',
    help: 'Sockets cut before TLS because too many were open whose peers had proven nothing',
    labelNames: ['limit'] as const,
    registers: [registry],
  });
  return (limit) => refused.inc({ limit });
}
