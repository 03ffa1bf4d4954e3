import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where this machine gets packages from, said again for another Debian suite, so that it works wherever apt works. */
export interface AptSources {
  /** Lines of a sources.list. */
  readonly lines: readonly string[];
  /** Lines of an apt.conf: proxies and what else apt was told about how to fetch. */
  readonly options: readonly string[];
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Debian's own mirrors, for a machine that is not Debian itself. */
const ELSEWHERE = [
  { uri: 'http://deb.debian.org/debian', pocket: '' },
  { uri: 'http://deb.debian.org/debian-security', pocket: '-security' },
] as const;

interface Entry {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly keyring: string;
  readonly trusted: boolean;
}

/** Lines for `suite` from the sources.list files of a machine, given its os-release too. */
export function sourcesFor(suite: string, osRelease: string, files: readonly string[]): string[] {
  const codename = /^VERSION_CODENAME="?([a-z]+)/m.exec(osRelease)?.[1] ?? suite;
  const lines = (/^ID="?debian"?$/m.test(osRelease) ? files : []).flatMap(parse).flatMap((entry) => {
    const pocket = entry.suite.slice(codename.length);
    const isDebian = entry.keyring === '' || entry.keyring.includes('debian-archive');
    const isWanted = entry.suite.startsWith(codename) && ['', '-updates', '-security'].includes(pocket);
    if (!isDebian || !isWanted || !entry.components.includes('main')) return [];
    return [line(entry.uri, suite + pocket, entry.trusted)];
  });
  if (lines.length > 0) return [...new Set(lines)];
  return ELSEWHERE.map(({ uri, pocket }) => line(uri, suite + pocket, false));
}

/** Reads /etc/apt of this machine; `dump` is what `apt-config dump` prints. */
export function readAptSources(suite: string, dump: string): AptSources {
  const lists = '/etc/apt/sources.list.d';
  const names = readdirIfAny(lists).filter((name) => /\.(list|sources)$/.test(name));
  const files = ['/etc/apt/sources.list', ...names.map((name) => join(lists, name))].map(readIfAny);
  const fetching = /^Acquire::(https?::.*|Check-Valid-Until|Check-Date|Retries) /;
  return {
    lines: sourcesFor(suite, readIfAny('/etc/os-release'), files),
    options: dump.split('\n').filter((option) => fetching.test(option) && !option.endsWith(' "";')),
  };
}

function line(uri: string, suite: string, trusted: boolean): string {
  return `deb [${trusted ? 'trusted=yes' : `signed-by=${KEYRING}`}] ${uri} ${suite} main`;
}

/** Reads both formats of sources.list(5). */
function parse(text: string): Entry[] {
  const clean = text.replace(/^\s*#.*\n?/gm, '');
  return /^types:/im.test(clean) ? clean.split(/\n\s*\n/).flatMap(parseStanza) : clean.split('\n').flatMap(parseLine);
}

function parseStanza(stanza: string): Entry[] {
  const field = (name: string): string[] => {
    const value = new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? '';
    return value.split(/\s+/).filter(Boolean);
  };
  if (!field('types').includes('deb') || field('enabled')[0] === 'no') return [];
  const shared = {
    components: field('components'),
    keyring: field('signed-by').join(' '),
    trusted: field('trusted')[0] === 'yes',
  };
  return field('uris').flatMap((uri) => field('suites').map((suite) => ({ uri, suite, ...shared })));
}

function parseLine(text: string): Entry[] {
  const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(text.trim());
  if (match === null) return [];
  const [, options = '', uri = '', suite = '', components = ''] = match;
  return [
    {
      uri,
      suite,
      components: components.split(/\s+/),
      keyring: /signed-by=(\S+)/.exec(options)?.[1] ?? '',
      trusted: options.includes('trusted=yes'),
    },
  ];
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readdirIfAny(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
