import { ReleaseStatement, toBase64Url } from '#protocol';
import { describe, expect, test } from 'vitest';
import { ansibleOptions, checkForm, emptyForm, originOf } from '../../../control-plane/console/pages/install/form.ts';
import { joinedSince, phaseOf } from '../../../control-plane/console/pages/install/phases.ts';
import { believe, versionsFor } from '../../../control-plane/console/pages/install/releases.ts';
import { newSigner } from '../../support/keys.ts';
import { signRelease } from '../../support/release.ts';

const ORIGIN = 'https://latchkey.example:8443';
const script = toBase64Url(new Uint8Array(32));
const statement = (version: string, platform = 'linux-x64') => ({
  ...{ v: 1, name: 'latchkey-agent', version, platform, bytes: 10 },
  digest: script,
});

describe('what somebody chooses', () => {
  test('is enough as it stands', () => {
    expect(checkForm(emptyForm('', ORIGIN))).toMatchObject({
      ok: true,
      wanted: { name: null, project: 'default', uses: 1, url: ORIGIN, ttlMs: 3_600_000 },
    });
  });

  test('is refused with everything that is wrong', () => {
    const form = { ...emptyForm('Web 1', 'http://x'), project: '', uses: '0', version: 'newest' };
    expect(checkForm(form)).toEqual({ ok: false, problems: ['project', 'name', 'version', 'url', 'uses'] });
    expect(checkForm({ ...emptyForm('web-1', ORIGIN), uses: '2' })).toEqual({ ok: false, problems: ['uses'] });
  });

  test('replaces an identity only of an instance that is named', () => {
    expect(checkForm({ ...emptyForm('', ORIGIN), reEnrol: true })).toMatchObject({ wanted: { reEnrol: false } });
    expect(checkForm({ ...emptyForm('web-1', ORIGIN), reEnrol: true })).toMatchObject({ wanted: { reEnrol: true } });
    expect(checkForm(emptyForm('web-1', ORIGIN, true))).toMatchObject({ wanted: { reEnrol: true } });
  });

  test('becomes words for the playbook that need no quoting', () => {
    const checked = checkForm({ ...emptyForm('', ORIGIN), platform: 'linux-arm64', version: '1.2.3', service: false });
    if (!checked.ok) throw new Error(checked.problems.join());
    const words = ansibleOptions(checked.wanted);
    expect(words.join(' ')).toBe(
      `--arch arm64 --ttl 1h --version 1.2.3 --project default --agent-url ${ORIGIN} --no-service`,
    );
    for (const word of words) expect(word).toMatch(/^[A-Za-z0-9.:/_-]+$/);
  });
});

test.each([
  ['https://a.example', 'https://a.example'],
  ['https://a.example/', 'https://a.example'],
  ['https://[::1]:8443', 'https://[::1]:8443'],
  ['http://a.example', null],
  ['https://a.example/path', null],
  ['https://a.example?x', null],
  ['https://u:p@a.example', null],
  ["https://a'b.example", null],
  ['https://$(id).example', null],
  ['', null],
])('%j is the origin %j', (text, origin) => {
  expect(originOf(text)).toBe(origin);
});

describe('the releases', () => {
  test('are offered when one key has signed them all', async () => {
    const signer = await newSigner();
    const items = [await signRelease(signer, statement('1.0.0')), await signRelease(signer, statement('1.1.0'))];
    const catalogue = await believe({ items, installScript: script as never });
    expect(catalogue).toMatchObject({ is: 'good', key: signer.key });
    const stranger = await signRelease(await newSigner(), statement('9.0.0'));
    expect(await believe({ items: [...items, stranger], installScript: script as never })).toMatchObject({
      is: 'other-key',
    });
    expect(await believe({ items: [], installScript: script as never })).toEqual({ is: 'empty' });
  });

  test('of a processor come newest first, the newest finished one recommended', () => {
    const releases = ['2.0.0-rc.1', '1.1.0', '1.0.0'].map((version) => ReleaseStatement.parse(statement(version)));
    expect(versionsFor(releases, 'linux-x64')).toEqual([
      { version: '2.0.0-rc.1', mark: 'unfinished' },
      { version: '1.1.0', mark: 'recommended' },
      { version: '1.0.0', mark: null },
    ]);
    expect(versionsFor(releases, 'linux-arm64')).toEqual([]);
  });
});

describe('an installation', () => {
  test('is told by the state of the agent', () => {
    expect(phaseOf('not-installed')).toBe('waiting');
    expect(phaseOf('install-failed')).toBe('failed');
    expect(phaseOf('running')).toBe('running');
  });

  test('is of those alone that joined after the line was made', () => {
    const instance = (createdAt: number, identity: string | null) => ({ createdAt, agent: { identity } }) as never;
    const joined = instance(7, 'b');
    expect(joinedSince([instance(5, 'a'), instance(6, null), joined], 5)).toEqual([joined]);
  });
});
