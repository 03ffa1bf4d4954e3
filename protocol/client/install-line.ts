import type { InstanceName } from '../ids.ts';
import type { ReleaseStatement } from '../release.ts';

export interface InstallLine {
  /** Origin of the control plane, as the host reaches it. */
  readonly url: string;
  /** SHA-256 of the installation script, hex. */
  readonly scriptSha256: string;
  readonly release: Pick<ReleaseStatement, 'version' | 'platform' | 'bytes'>;
  /** SHA-256 of the archive, hex. */
  readonly archiveSha256: string;
  readonly name: InstanceName | null;
  /** False: install and enrol, and leave it to others to run the agent. */
  readonly service: boolean;
  readonly token: string;
  /** PEM of the authority to trust, alone; null where the certificate is a public one. */
  readonly authority: string | null;
}

const PROXY_VARIABLES = 'HTTPS_PROXY,https_proxy,NO_PROXY,no_proxy';

/** With an authority, that one alone. The codes of wget become those of curl. */
const GET =
  `get() { if command -v curl >/dev/null; then printf "%s\\n" "$c" | curl -fsS --proto =https --tlsv1.2 -m 60 ` +
  `\${c:+--cacert /dev/stdin --capath /dev/null} "$1"; ` +
  `else printf "%s\\n" "$c" | wget -nv -T 60 -t 2 -O - \${c:+--ca-certificate=/dev/stdin --ca-directory=/dev/null} "$1" || ` +
  `{ [ $? = 5 ] && return 60; return 7; }; fi; }`;

/** What becomes of the codes of curl. */
const JUDGE =
  // 22 is what curl makes of a proxy's 407, too.
  's=$(get "$u/install/linux.sh") || case $?.$HTTPS_PROXY$https_proxy in ' +
  '35.*|51.*|60.*|77.*) no "install-tls-untrusted: Who answered is not the control plane that the line names. Nothing was run.";; ' +
  '5.*|56.*|97.*|22.?*) no "install-proxy-refused: The proxy did not let the connection through. Check HTTPS_PROXY and NO_PROXY.";; ' +
  '127.*) no "install-tool-missing: Neither curl nor wget is there. Install one of them.";; ' +
  '*) no "install-unreachable: $u cannot be reached. Check name resolution, route, firewall and HTTPS_PROXY.";; esac';

const CHECK =
  '[ "$(printf "%s\\n" "$s" | sha256sum)" = "$h  -" ] || ' +
  'no "install-script-altered: The script is not the one that the line names, and was not run. Print a new line."';

/** As root already, or by sudo, which would drop the proxy. */
const RUN =
  'p=; [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null || no "install-not-root: Run the line as root."; ' +
  'p="sudo --preserve-env=' +
  PROXY_VARIABLES +
  '"; }; printf "%s\\n%s\\n" "$t" "$c" | $p sh -c "$s" install-linux.sh --url "$u" "$@"';

/** No single quotes: it stands between them. Runs nothing that the line does not know the hash of. */
const BOOT = [
  'u=$1 h=$2',
  'shift 2',
  // What the caller has exported by these names would stay exported.
  'unset t c s',
  'read -r t',
  'c=$(cat)',
  'no() { echo "latchkey: $1" >&2; exit 1; }',
  GET,
  JUDGE,
  CHECK,
  RUN,
].join('; ');

/**
 * What is copied to a host's shell: one command, and a here-document with the token and the authority. The leading space
 * keeps it out of the history where the shell is set up so; in bash, which reads a pasted command as one, the first thing
 * it does is to take the history's last entry, itself, away.
 */
export function installLine(line: InstallLine): readonly string[] {
  const { version, platform, bytes } = line.release;
  const words = [
    `'${line.url}'`,
    line.scriptSha256,
    `--version ${version} --platform ${platform} --bytes ${String(bytes)} --sha256 ${line.archiveSha256}`,
    ...(line.name === null ? [] : [`--name ${line.name}`]),
    ...(line.service ? [] : ['--no-service']),
  ];
  const authority = line.authority === null ? [] : line.authority.trim().split('\n');
  return [
    ` history -s 'latchkey agents install-command' 2>/dev/null; sh -c '${BOOT}' latchkey ${words.join(' ')} <<'LATCHKEY'`,
    line.token,
    ...authority,
    'LATCHKEY',
  ];
}
