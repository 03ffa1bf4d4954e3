import * as z from 'zod';
import { InstanceId, InstanceName, parseJsonBytes, ProjectName, Thumbprint, utf8, type Signer } from '#protocol';
import type { Storage } from '../ports.ts';
import { readIdentity } from './crypto.ts';

export const DEFAULT_STATE_DIRECTORY = '/var/lib/latchkey-agent';

/** Written last at enrolment: a state directory with this file is enrolled, one without is not. */
const CONFIG = 'config.json';
export const IDENTITY = 'identity.key';

export const AgentConfig = z.strictObject({
  v: z.literal(1),
  /** The control plane: `https://host[:port]`. */
  url: z.url({ protocol: /^https$/ }),
  instanceId: InstanceId,
  name: InstanceName,
  project: ProjectName,
  /** The control plane's identity: thumbprint of its first script key. */
  serverId: Thumbprint,
  /** The TLS authority that was joined by, PEM; the key set may name others instead. null: those of the system. */
  ca: z
    .string()
    .max(64 * 1024)
    .nullable(),
});
export type AgentConfig = z.infer<typeof AgentConfig>;

export type ReadEnrolment =
  | { ok: true; config: AgentConfig; identity: Signer }
  | { ok: false; code: 'not-enrolled' | 'state-damaged'; what: string };

export async function readEnrolment(storage: Pick<Storage, 'read'>): Promise<ReadEnrolment> {
  const bytes = await storage.read(CONFIG);
  if (bytes === null) return { ok: false, code: 'not-enrolled', what: CONFIG };
  const config = parseJsonBytes(AgentConfig, bytes);
  if (!config.ok) return { ok: false, code: 'state-damaged', what: CONFIG };
  const key = await storage.read(IDENTITY);
  if (key === null) return { ok: false, code: 'state-damaged', what: IDENTITY };
  try {
    return { ok: true, config: config.body, identity: await readIdentity(key) };
  } catch {
    return { ok: false, code: 'state-damaged', what: IDENTITY };
  } finally {
    key.fill(0);
  }
}

export async function writeConfig(storage: Pick<Storage, 'replace'>, config: AgentConfig): Promise<void> {
  await storage.replace(CONFIG, utf8(`${JSON.stringify(config, null, 2)}\n`));
}
