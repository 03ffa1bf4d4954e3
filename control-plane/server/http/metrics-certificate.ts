import { Gauge, type Registry } from 'prom-client';

/** For an alarm on a renewal that fails: `endsAt` of the certificate that is presented, milliseconds since the epoch. */
export function addCertificateEnd(registry: Registry, endsAt: () => number): void {
  new Gauge({
    name: 'latchkey_tls_certificate_end_timestamp_seconds',
    help: 'When the TLS certificate ends that new connections get',
    registers: [registry],
    collect() {
      this.set(endsAt() / 1000);
    },
  });
}
