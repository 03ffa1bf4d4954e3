import { API_PREFIX, CertificateAuthority, Enrol, Enrolled } from '#protocol';
import { ApiError } from '../../service/errors.ts';
import { FAILED_ENROLMENT_COST } from '../rate-limits.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

export function agentRoutes(deps: Pick<RouteDeps, 'services' | 'limiters' | 'metrics' | 'caPem'>): readonly Route[] {
  const { services, limiters, metrics, caPem } = deps;
  return [
    route({
      method: 'GET',
      path: `${API_PREFIX}/ca`,
      access: 'public',
      tag: 'agents',
      summary: 'The certificate authority of this control plane',
      description: 'To be compared with a pin before it is believed. Not there where a public certificate is used.',
      responses: { 200: { description: 'The certificate.', schema: CertificateAuthority } },
      errors: ['route-not-found'],
      handle: async () => {
        if (caPem === null) throw new ApiError('route-not-found');
        return { status: 200, body: { pem: caPem } };
      },
    }),
    route({
      method: 'POST',
      path: `${API_PREFIX}/agents/enroll`,
      access: 'public',
      limit: 'enrolment',
      tag: 'agents',
      summary: 'Join with a join token',
      description: 'The join token is the credential, and the request is signed by the identity that joins.',
      body: Enrol,
      responses: { 201: { description: 'The instance, and the keys to believe.', schema: Enrolled } },
      errors: [
        'join-token-invalid',
        'join-token-expired',
        'join-token-used-up',
        'enrolment-proof-invalid',
        'identity-already-enrolled',
        'instance-already-enrolled',
        'instance-name-taken',
        'os-fixed',
      ],
      handle: async ({ body, source }) => {
        try {
          return { status: 201, body: await services.enrolment.enrol(body, source) };
        } catch (error) {
          if (error instanceof ApiError && error.status === 401) {
            // A fleet that joins passes the limit; whoever tries tokens runs into it soon.
            limiters.enrolment.charge(source, FAILED_ENROLMENT_COST);
            metrics.refused(error.code);
          }
          throw error;
        }
      },
    }),
  ];
}
