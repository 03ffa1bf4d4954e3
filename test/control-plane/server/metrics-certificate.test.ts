import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { addCertificateEnd } from '../../../control-plane/server/http/metrics-certificate.ts';

test('the end of the certificate is a figure in seconds, and follows a renewal', async () => {
  const registry = new Registry();
  let endsAt = 1_800_000_000_000;
  addCertificateEnd(registry, () => endsAt);
  expect(await registry.metrics()).toMatch(/^latchkey_tls_certificate_end_timestamp_seconds 1800000000$/m);
  endsAt += 60_000;
  expect(await registry.metrics()).toMatch(/^latchkey_tls_certificate_end_timestamp_seconds 1800000060$/m);
});
