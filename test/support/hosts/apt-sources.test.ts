import { expect, test } from 'vitest';

import { sourcesFor } from './apt-sources.ts';

const KEY = 'signed-by=/usr/share/keyrings/debian-archive-keyring.gpg';

test('takes over the mirrors of a Debian machine, for another suite, in both formats', () => {
  const stanzas = `Types: deb deb-src
# by hand
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://elsewhere.example/node
Suites: bookworm
Components: main
Signed-By: /etc/apt/keyrings/node.asc

Types: deb
URIs: http://mirror.example/off
Suites: bookworm
Components: main
Enabled: no
`;
  const lines = `# deb http://commented.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb [trusted=yes arch=amd64] http://mirror.example/debian-security bookworm-security main
`;
  expect(sourcesFor('trixie', 'ID=debian\nVERSION_CODENAME=bookworm\n', [stanzas, lines])).toEqual([
    `deb [${KEY}] http://mirror.example/debian trixie main`,
    `deb [${KEY}] http://mirror.example/debian trixie-updates main`,
    'deb [trusted=yes] http://mirror.example/debian-security trixie-security main',
  ]);
});

test("goes to Debian's own mirrors from a machine that is not Debian", () => {
  expect(
    sourcesFor('bookworm', 'ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n', [
      'deb http://archive.example/ubuntu noble main universe',
    ]),
  ).toEqual([
    `deb [${KEY}] http://deb.debian.org/debian bookworm main`,
    `deb [${KEY}] http://deb.debian.org/debian-security bookworm-security main`,
  ]);
});
