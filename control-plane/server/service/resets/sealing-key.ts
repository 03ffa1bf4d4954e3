import { SealingKeyStatement, fromBase64Url, parseJsonBytes, type Thumbprint } from '#protocol';
import type { InstanceRecord } from '../../store/records.ts';

/** Which sealing key an instance has now. Its certificate was verified when it came; here it is only read. */
export function sealingKeyIdOf(instance: Pick<InstanceRecord, 'sealingKey'>): Thumbprint | null {
  if (instance.sealingKey === null) return null;
  const statement = parseJsonBytes(SealingKeyStatement, fromBase64Url(instance.sealingKey.bytes));
  return statement.ok ? statement.body.keyId : null;
}
