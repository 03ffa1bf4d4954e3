import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  booleanTrue,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from './der.ts';

/** X.509 certificates (RFC 5280) of the one kind that the control plane needs: ECDSA on P-256 with SHA-256. */

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

const SERIAL_BYTES = 16;

export interface Issued {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly keyPem: string;
}

export interface Validity {
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Who signs. */
export interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

/** A certificate authority of its own. */
export function issueAuthority(name: string, validity: Validity): Issued {
  const { privateKey, publicKey } = newKeyPair();
  const certificatePem = certify({
    subject: name,
    issuer: name,
    publicKey,
    signingKey: privateKey,
    validity,
    extensions: authorityExtensions(publicKey),
  });
  return { certificatePem, keyPem: pemOfKey(privateKey) };
}

/**
 * The certificate in which an authority vouches for the key that follows it under the same name ("new with old", RFC
 * 4210, 4.4). It has to be the same name: only what an authority issues to itself is not counted in the length of a path
 * (RFC 5280, 4.2.1.9), and the first ones were made with a length of zero. Clients tell the two apart by the identifiers
 * of their keys.
 */
export function issueSuccessor(successor: KeyObject, authority: Issuer, validity: Validity): string {
  return certify({
    subject: authority.name,
    issuer: authority.name,
    publicKey: successor,
    signingKey: authority.key,
    validity,
    extensions: [...authorityExtensions(successor), issuerIdentifier(authority)],
  });
}

function authorityExtensions(publicKey: KeyObject): Buffer[] {
  return [
    // No limit on the length of the path: GnuTLS counts the certificate of a successor, too.
    extension(OID.basicConstraints, true, sequence(booleanTrue())),
    // keyCertSign and cRLSign.
    extension(OID.keyUsage, true, bitString(Buffer.from([0b0000_0110]), 1)),
    extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(publicKey))),
  ];
}

/** A server certificate for one host: a name, or an address without brackets. */
export function issueLeaf(host: string, authority: Issuer, validity: Validity): Issued {
  const { privateKey, publicKey } = newKeyPair();
  const certificatePem = certify({
    subject: 'Latchkey control plane',
    issuer: authority.name,
    publicKey,
    signingKey: authority.key,
    validity,
    extensions: [
      extension(OID.basicConstraints, true, sequence()),
      // digitalSignature.
      extension(OID.keyUsage, true, bitString(Buffer.from([0b1000_0000]), 7)),
      extension(OID.extendedKeyUsage, false, sequence(objectIdentifier(OID.serverAuth))),
      extension(OID.subjectAlternativeName, false, sequence(alternativeName(host))),
      extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(publicKey))),
      issuerIdentifier(authority),
    ],
  });
  return { certificatePem, keyPem: pemOfKey(privateKey) };
}

function issuerIdentifier({ publicKey }: Issuer): Buffer {
  return extension(OID.authorityKeyIdentifier, false, sequence(context(0, false, keyIdentifier(publicKey))));
}

interface Template {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly validity: Validity;
  readonly extensions: readonly Buffer[];
}

/** PEM. */
function certify(template: Template): string {
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const version3 = context(0, true, integer(Buffer.from([2])));
  const toBeSigned = sequence(
    version3,
    integer(randomBytes(SERIAL_BYTES)),
    algorithm,
    distinguishedName(template.issuer),
    sequence(time(template.validity.notBefore), time(template.validity.notAfter)),
    distinguishedName(template.subject),
    template.publicKey.export({ type: 'spki', format: 'der' }),
    context(3, true, sequence(...template.extensions)),
  );
  const signature = sign('sha256', toBeSigned, template.signingKey);
  return toPem(sequence(toBeSigned, algorithm, bitString(signature)));
}

function pemOfKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function newKeyPair(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [booleanTrue()] : []), octetString(value));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(setOf(sequence(objectIdentifier(OID.commonName), utf8String(commonName))));
}

/** RFC 7093, 2, method 1: 160 bits of the SHA-256 of the key. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function alternativeName(host: string): Buffer {
  return isIP(host) === 0 ? context(2, false, Buffer.from(host, 'ascii')) : context(7, false, addressBytes(host));
}

/** The 4 or 16 bytes of an address. */
export function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = expandEmbedded(address).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const gap = tail === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => '0');
  return Buffer.from([...first, ...gap, ...last].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** `::ffff:192.0.2.1` with its last four bytes as groups. */
function expandEmbedded(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (...match: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
