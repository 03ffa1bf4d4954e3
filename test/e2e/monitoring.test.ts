import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { addCertificateEnd } from '../../control-plane/server/http/metrics-certificate.ts';
import { createMetrics } from '../../control-plane/server/http/metrics.ts';
import { openSqliteStore } from '../../control-plane/server/store/sqlite-store.ts';
import { run } from '../support/hosts/run.ts';
import { promtool } from '../support/promtool.ts';

const file = (name: string) => fileURLToPath(new URL(`../../scripts/monitoring/${name}`, import.meta.url));

let program: string;
let exposed: string;

beforeAll(async () => {
  program = await promtool();
  const store = await openSqliteStore({ path: ':memory:' });
  const metrics = createMetrics({ store, ofProcess: true });
  // One of everything, so that every figure is there.
  metrics.answered({ method: 'GET', route: '/api/v1/resets', status: 200, seconds: 0.01 });
  metrics.refused('unauthenticated');
  metrics.limited('reset');
  metrics.resultTaken({ state: 'succeeded', verifiedBy: 'login', appliedMs: 50, verifiedMs: 120 });
  metrics.resultTaken({ state: 'failed', verifiedBy: null, appliedMs: null, verifiedMs: null });
  addCertificateEnd(metrics.registry, () => Date.now());
  exposed = (await metrics.expose()).text;
  await store.close();
});

/** Names of figures in an expression: what is followed by a selector, a range or the end, and is none of its words. */
const figuresIn = (expression: string) => expression.match(/\b(?:latchkey|nodejs|process)_[a-z0-9_]+\b/g) ?? [];
const isExposed = (name: string) => new RegExp(`^${name}(\\{| )`, 'm').test(exposed);

describe('the figures', () => {
  test('are as a Prometheus wants them', async () => {
    const { code, stdout, stderr } = await run([program, 'check', 'metrics'], { input: exposed });
    expect([code, stdout + stderr]).toEqual([0, '']);
  });

  test('and the check would find what is wrong with them', async () => {
    const { code } = await run([program, 'check', 'metrics'], { input: 'latchkey_Total_count 1\n' });
    expect(code).not.toBe(0);
  });

  test('hold results by what became of them, and the time they took', () => {
    expect(exposed).toContain('latchkey_results_total{state="succeeded",verified_by="login"} 1');
    expect(exposed).toContain('latchkey_results_total{state="failed",verified_by="none"} 1');
    expect(exposed).toContain('latchkey_reset_verified_seconds_bucket{le="0.1"} 0');
    expect(exposed).toContain('latchkey_reset_verified_seconds_bucket{le="0.15"} 1');
  });
});

describe('the example rules', () => {
  test('are taken by a Prometheus', async () => {
    const { code, stdout, stderr } = await run([program, 'check', 'rules', file('latchkey.rules.yml')]);
    expect([code, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS: 8 rules found') as string]);
  });

  test('speak of figures that there are', async () => {
    const names = figuresIn(await readFile(file('latchkey.rules.yml'), 'utf8'));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !isExposed(name))).toEqual([]);
  });
});

describe('the example dashboard', () => {
  test('speaks of figures that there are, in every panel', async () => {
    const dashboard = JSON.parse(await readFile(file('grafana-dashboard.json'), 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    for (const { title, targets } of dashboard.panels) {
      const names = targets.flatMap(({ expr }) => figuresIn(expr));
      expect(names.length, title).toBeGreaterThan(0);
      expect(
        names.filter((name) => !isExposed(name)),
        title,
      ).toEqual([]);
    }
  });
});
