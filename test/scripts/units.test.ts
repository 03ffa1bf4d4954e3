import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const UNITS = ['agent/systemd/latchkey-agent.service', 'scripts/server/latchkey-server.service'];

/** Settings of the runtime that load code, write down what passes through, or trust everybody. */
const REFUSED = [
  ...['NODE_OPTIONS', 'NODE_PATH', 'NODE_REPL_EXTERNAL_MODULE', 'NODE_COMPILE_CACHE', 'NODE_TLS_REJECT_UNAUTHORIZED'],
  ...['NODE_DEBUG', 'NODE_DEBUG_NATIVE', 'NODE_V8_COVERAGE', 'NODE_REDIRECT_WARNINGS'],
];

describe.each(UNITS)('%s', (unit) => {
  const text = readFileSync(new URL(`../../${unit}`, import.meta.url), 'utf8');
  const unset = [...text.matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap(([, names = '']) => names.split(' '));

  test('keeps from the runtime what would make it run or tell more', () => {
    expect(unset).toEqual(expect.arrayContaining(REFUSED));
  });

  test('leaves alone the proxy, and further authorities that root names', () => {
    for (const name of ['HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS']) expect(unset).not.toContain(name);
  });
});
