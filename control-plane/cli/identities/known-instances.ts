import { InstanceId, isPrintable, type KnownInstance } from '#protocol';

const FINGERPRINT = /^SHA256:[A-Za-z0-9_-]{43}$/;

/** A line is `URL ID NAME FINGERPRINT`; empty lines and those that begin with `#` are passed over. */
export function parseKnownInstances(text: string): { pins: KnownInstance[]; badLines: number[] } {
  const pins: KnownInstance[] = [];
  const badLines: number[] = [];
  text.split('\n').forEach((line, at) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [server = '', id, name = '', fingerprint = '', ...more] = line.trim().split(/ +/);
    const instanceId = InstanceId.safeParse(id);
    const good = instanceId.success && FINGERPRINT.test(fingerprint) && isPrintable(line) && more.length === 0;
    if (good) pins.push({ server, instanceId: instanceId.data, name, fingerprint });
    else badLines.push(at + 1);
  });
  return { pins, badLines };
}

const HEADING = '# Identities of instances, as this user has seen them: control plane, instance, name, fingerprint.\n';

export function formatKnownInstances(pins: readonly KnownInstance[]): string {
  return HEADING + pins.map((pin) => `${pin.server} ${pin.instanceId} ${pin.name} ${pin.fingerprint}\n`).join('');
}
