import { importChunks, parseInstanceFile } from '#protocol';
import { describe, expect, test } from 'vitest';

describe('the file of an import', () => {
  test('takes CSV with and without a heading, quotes, comments and JSON lines', () => {
    const text = [
      'name,os,project,tags',
      '# the web tier',
      'web-1,linux,shop,role=web;zone=a',
      'win-1,windows',
      '"db-1","linux",,"note=a, ""b"""',
      '{"name":"db-2","os":"linux","tags":{"role":"db"}}',
      '',
    ].join('\r\n');
    const { lines, problems } = parseInstanceFile(text);
    expect(problems).toEqual([]);
    expect(lines).toEqual([
      { line: 3, instance: { name: 'web-1', os: 'linux', project: 'shop', tags: { role: 'web', zone: 'a' } } },
      { line: 4, instance: { name: 'win-1', os: 'windows', project: 'default', tags: {} } },
      { line: 5, instance: { name: 'db-1', os: 'linux', project: 'default', tags: { note: 'a, "b"' } } },
      { line: 6, instance: { name: 'db-2', os: 'linux', project: 'default', tags: { role: 'db' } } },
    ]);
  });

  test.each([
    ['web-1,plan9', 'os:'],
    ['Web 1,linux', 'name:'],
    ['web-1,linux,p,role', 'a tag is not KEY=VALUE'],
    ['web-1,linux,p,a=b,more', 'more than four columns'],
    ['"web-1,linux', 'a quotation mark is not closed'],
    ['{"name":', 'is not JSON'],
    ['{"name":"a","os":"linux","color":"red"}', 'color'],
    ['web-1,linux,p,a=b\u001b[2J', 'a tag is not KEY=VALUE'],
  ])('says the line of what is wrong: %j', (bad, message) => {
    const { problems } = parseInstanceFile(`ok-1,linux\n${bad}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line: 2, message: expect.stringContaining(message) as string });
  });

  test('refuses a name that stands in it twice, and a file without instances', () => {
    expect(parseInstanceFile('a,linux\nb,linux\na,linux').problems).toEqual([
      { line: 3, message: 'the name stands in line 1 already' },
    ]);
    expect(parseInstanceFile('# nothing\n').problems).toHaveLength(1);
  });

  test('goes in chunks that fit a request', () => {
    const rows = Array.from({ length: 4_001 }, (_, at) => `vm-${String(at)},linux`).join('\n');
    const chunks = importChunks(parseInstanceFile(rows).lines);
    expect(chunks.map((chunk) => chunk.length)).toEqual([2_000, 2_000, 1]);
    const tags = Array.from({ length: 50 }, (_, at) => `tag-${String(at)}=${'x'.repeat(200)}`).join(';');
    const large = Array.from({ length: 300 }, (_, at) => `vm-${String(at)},linux,p,${tags}`).join('\n');
    for (const chunk of importChunks(parseInstanceFile(large).lines)) {
      expect(JSON.stringify({ instances: chunk.map(({ instance }) => instance) }).length).toBeLessThan(1024 * 1024);
    }
  });
});
