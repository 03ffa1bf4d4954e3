import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { formatJoinToken, Thumbprint, TokenId, toBase64Url } from '#protocol';
import { issueAuthority } from '../../control-plane/server/keys/certificate.ts';
import { caPinOf } from './ca-pin.ts';
import { FakeControlPlane, type Answer } from './fake-control-plane.ts';

/** The token that every request for one gets. */
export const JOIN_TOKEN_ID = TokenId.parse('9c8b7a69-5847-4362-9514-03f2e1d0c9b8');
export const INSTALL_SCRIPT = readFileSync(new URL('../../scripts/instance/install-linux.sh', import.meta.url));

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 60_000 };

/** PEM of an authority that is made now. */
export const newAuthority = (name: string): string => issueAuthority(name, validity).certificatePem;

export const AUTHORITY = newAuthority('Test');

/** A release, as it is signed. */
export const releaseStatement = (version: string, platform = 'linux-x64') => ({
  ...{ v: 1, name: 'latchkey-agent', version, platform, bytes: 1000 },
  digest: toBase64Url(createHash('sha256').update(`${version} ${platform}`).digest()),
});

/** Adds to the control plane in memory what is asked for before a line is printed. */
export class ReleasingControlPlane extends FakeControlPlane {
  items: unknown[] = [];
  script = createHash('sha256').update(INSTALL_SCRIPT).digest('base64url');
  pem: string | null = AUTHORITY;
  caPin: string | null = caPinOf(AUTHORITY);
  scriptKey = Thumbprint.parse('A'.repeat(43));
  readonly made: unknown[] = [];

  override async handle(method: string, target: string, authorization: string, body: string): Promise<Answer> {
    switch (`${method} ${target}`) {
      case 'GET /api/v1/releases':
        return { status: 200, json: { items: this.items, installScript: this.script } };
      case 'GET /api/v1/ca':
        return this.pem === null
          ? { status: 404, json: { code: 'route-not-found', message: 'x', remedy: 'y', details: [], requestId: '1' } }
          : { status: 200, json: { pem: this.pem } };
      case 'POST /api/v1/tokens': {
        this.made.push(JSON.parse(body));
        const token = formatJoinToken({
          id: JOIN_TOKEN_ID,
          secret: 'B'.repeat(42) + 'A',
          caPin: this.caPin,
          scriptKey: this.scriptKey,
        });
        return { status: 201, json: { id: JOIN_TOKEN_ID, token, expiresAt: 1_795_435_200_000 } };
      }
    }
    return super.handle(method, target, authorization, body);
  }
}
