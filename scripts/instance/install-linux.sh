#!/bin/sh
# Installs the Latchkey agent. Run by the line that "latchkey agents install-command" prints, which knows the SHA-256 of
# this text and of the archive; again is harmless. What fails is undone, and said with a code.
#
#   arguments        --url URL --version V --platform P --bytes N --sha256 HEX [--name NAME] [--no-service]
#   standard input   the join token, one line; then the PEM of the authority to trust, or nothing for a public one
#
# The token is held in a variable and passed on by pipes: no file, no argument, no environment.
set -eu
umask 077
LC_ALL=C
export LC_ALL

base=/usr/local/lib/latchkey-agent
link=/usr/local/bin/latchkey-agent
link_target=../lib/latchkey-agent/current/latchkey-agent
state=/var/lib/latchkey-agent
settings=/etc/latchkey-agent
unit=/etc/systemd/system/latchkey-agent.service
connect_seconds_max=30
# One that the caller has exported would stay exported, whatever it is set to.
unset token authority token_id secret body
url= version= platform= bytes= sha256= token= authority=

explain() {
  case $1 in
  install-not-root) echo 'The installation was not started as root. Run the line as root, or with sudo.' ;;
  install-system-unsupported) echo 'The agent does not run on this operating system. It needs Linux with glibc; see the README of the agent.' ;;
  install-architecture-unsupported) echo 'The release is for another processor. Print the line for this processor: "latchkey agents install-command --arch ARCH".' ;;
  install-libc-unsupported) echo 'The C library of the instance is too old or is not glibc. The agent needs glibc 2.28 or newer: upgrade the system.' ;;
  install-systemd-missing) echo 'The instance was not booted with systemd. Print the line with --no-service, and have your own supervisor keep "latchkey-agent run" in the foreground.' ;;
  install-tool-missing) echo 'A program that the installation needs is missing. Install what the detail names, then run the line again.' ;;
  install-directory-unwritable) echo 'A directory that the installation needs cannot be written. Make the file system named in the detail writable, then run the line again.' ;;
  install-noexec) echo 'Programs may not run from where the agent is installed. Remount the file system of /usr/local/lib without noexec, or see what else forbids it.' ;;
  install-disk-full) echo 'There is not enough space for the agent. Free the space that the detail names, then run the line again.' ;;
  install-unreachable) echo 'The control plane cannot be reached from the instance. Check name resolution, route, firewall and HTTPS_PROXY on the instance.' ;;
  install-proxy-refused) echo 'The proxy did not let the connection through. Check HTTPS_PROXY and NO_PROXY on the instance, and what the proxy allows.' ;;
  install-tls-untrusted) echo 'Who answered is not the control plane that the line names. Print a new line. If that fails in the same way, look into who answers at that address.' ;;
  install-release-missing) echo 'The control plane does not have the release any more. List what it has with "latchkey agents releases", and print a new line.' ;;
  install-archive-altered) echo 'The archive is not the one that the line names, and was not unpacked. Add the release to the control plane again. If that fails too, look into who could have changed it.' ;;
  install-executable-broken) echo 'The agent that was unpacked does not run on this instance. See the detail; the archive itself is the signed one.' ;;
  install-occupied) echo 'Something that the installation did not make is in its place. Remove what the detail names, then run the line again.' ;;
  install-enrolled-elsewhere) echo 'The instance is enrolled with another control plane. If it is to change, run "latchkey-agent uninstall" on it first.' ;;
  install-enrolment-refused) echo 'The control plane did not let the instance join. See the detail; print a new line, with --re-enrol where the instance had an agent before.' ;;
  install-service-failed) echo 'The service of the agent did not start. See the detail, then "journalctl -u latchkey-agent" on the instance.' ;;
  install-not-connected) echo 'The agent was started and did not connect in time. See the detail; a connection that stays open must be allowed on the way to the control plane.' ;;
  install-interrupted) echo 'The installation was interrupted. Run the line again.' ;;
  esac
}

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s\n' "$*"; }

failure=
detail=
fail() {
  failure=$1
  detail=$2
  exit 1
}

# Runs a command that writes; what it says when it cannot is left in $said when it can.
must() {
  said=$("$@" 2>&1) && return 0
  case $said in
  *'No space left'* | *'quota exceeded'*) fail install-disk-full "$said" ;;
  *) fail install-directory-unwritable "$said" ;;
  esac
}

stage= old_current= made_base= made_version= old_version= made_current= made_link= made_state= made_settings= made_unit=
old_unit= had_unit= touched_service= beside=

undo() {
  if [ -n "$beside" ]; then rm -f "$beside"; fi
  if [ -n "$touched_service" ] && [ -z "$had_unit" ]; then systemctl disable --now latchkey-agent.service; fi
  if [ -n "$made_unit" ]; then rm -f "$unit"; fi
  if [ -n "$old_unit" ]; then mv -f "$old_unit" "$unit"; fi
  if [ -n "$made_state" ]; then rm -rf "$state"; fi
  if [ -n "$made_settings" ]; then rm -f "$settings/environment" && rmdir "$settings"; fi
  if [ -n "$made_link" ]; then rm -f "$link"; fi
  if [ -n "$made_current" ]; then rm -f "$base/current"; fi
  if [ -n "$old_current" ]; then ln -s "$old_current" "$stage/current" && mv -fT "$stage/current" "$base/current"; fi
  if [ -n "$made_version" ]; then rm -rf "${base:?}/$version"; fi
  if [ -n "$old_version" ]; then mv -T "$old_version" "$base/$version"; fi
  if [ -n "$made_unit$old_unit" ]; then systemctl daemon-reload; fi
  if [ -n "$touched_service" ] && [ -n "$had_unit" ]; then systemctl restart latchkey-agent.service; fi
}

finish() {
  status=$?
  trap - EXIT
  trap '' HUP INT TERM
  set +e
  if [ "$status" -ne 0 ]; then undo >/dev/null 2>&1; fi
  if [ -n "$stage" ]; then rm -rf "$stage"; fi
  if [ "$status" -ne 0 ]; then
    if [ -n "$made_base" ]; then rm -f "$base/lock" && rmdir "$base" 2>/dev/null; fi
    if [ -z "$failure" ]; then
      failure=install-interrupted
      detail="status $status while $step"
    fi
    detail=$(printf '%s' "$detail" | tr '\n\t' '  ' | tr -cd 'A-Za-z0-9 .,:;/_()=+<>-' | cut -c1-250)
    printf 'latchkey: %s: %s (%s)\nNothing was left behind.\n' "$failure" "$(explain "$failure")" "$detail" >&2
    report "\"install-failed\",\"code\":\"$failure\",\"detail\":\"$detail\""
  fi
  exit "$status"
}

step='starting'
trap finish EXIT
trap 'failure=install-interrupted; detail="by a signal while $step"; exit 130' HUP INT TERM

# --- Talking to the control plane ------------------------------------------------------------------------------------

# They trust the authority of the line alone, or the public ones; never nobody, whatever .curlrc and .wgetrc say: the
# token goes this way, too.
curl_trusting() {
  curl --no-insecure --proto '=https' --tlsv1.2 --fail --silent --show-error ${authority:+--cacert /dev/fd/3 --capath /dev/null} \
    "$@" 3<<AUTHORITY
$authority
AUTHORITY
}

# The directory of public authorities counts beside the file, unless it is another one.
wget_trusting() {
  wget --check-certificate --no-verbose --secure-protocol=TLSv1_2 ${authority:+--ca-directory=/dev/null --ca-certificate=/dev/fd/3} \
    "$@" 3<<AUTHORITY
$authority
AUTHORITY
}

# Says how it goes, where it can.
report() {
  token_id=$(printf '%s' "$token" | cut -c5-40)
  secret=$(printf '%s' "$token" | cut -c42-84)
  said_to=$url/api/v1/agents/install-progress
  json='content-type: application/json'
  body=$(printf '{"tokenId":"%s","secret":"%s","state":%s}' "$token_id" "$secret" "$1")
  if have curl; then
    printf '%s' "$body" | curl_trusting --connect-timeout 5 --max-time 10 --header "$json" --output /dev/null \
      --data-binary @- "$said_to" 2>/dev/null || :
  elif have wget && held=$(mktemp /dev/shm/.latchkey.XXXXXX 2>/dev/null); then
    # wget sends no pipe: memory that is a file, and has lost its name before the token is in it.
    exec 4>"$held" 5<"$held"
    rm -f "$held"
    printf '%s' "$body" >&4
    wget_trusting --timeout=10 --tries=1 --header="$json" --post-file=/dev/fd/5 --output-document=/dev/null \
      "$said_to" 2>/dev/null || :
    exec 4>&- 5<&-
  fi
}

fetch() {
  got=0
  if have curl; then
    curl_trusting --connect-timeout 15 --max-time 900 --retry 2 --output "$2" "$1" 2>"$stage/said" || got=$?
  else
    wget_trusting --timeout=15 --tries=3 --output-document="$2" "$1" 2>"$stage/said" || got=$((200 + $?))
  fi
  [ "$got" -ne 0 ] || return 0
  why=$(tail -n 1 "$stage/said")
  case "$got $why" in
  5\ * | 97\ * | 22*407* | *CONNECT* | *roxy*) fail install-proxy-refused "$why" ;;
  35\ * | 51\ * | 60\ * | 77\ * | 205\ *) fail install-tls-untrusted "$why" ;;
  22*404* | 208*404*) fail install-release-missing "$url has no $archive" ;;
  23\ * | 203\ *) fail install-disk-full "$why" ;;
  *) fail install-unreachable "$why" ;;
  esac
}

# --- Steps -----------------------------------------------------------------------------------------------------------

read_arguments() {
  name= service=yes
  while [ $# -gt 0 ]; do
    case $1 in
    --url) url=$2 ;;
    --version) version=$2 ;;
    --platform) platform=$2 ;;
    --bytes) bytes=$2 ;;
    --sha256) sha256=$2 ;;
    --name) name=$2 ;;
    --no-service) service=no ;;
    *) exit 2 ;;
    esac
    case $1 in --no-service) shift ;; *) shift 2 ;; esac
  done
  archive="latchkey-agent-$version-$platform.tar.gz"
}

require_host() {
  [ "$(id -u)" = 0 ] || fail install-not-root "user $(id -un)"
  [ "$(uname -s)" = Linux ] || fail install-system-unsupported "$(uname -s)"
  case $(uname -m) in
  x86_64) here=linux-x64 ;;
  aarch64) here=linux-arm64 ;;
  *) here=linux-$(uname -m) ;;
  esac
  [ "$here" = "$platform" ] || fail install-architecture-unsupported "this is $here, the release is for $platform"
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || fail install-libc-unsupported 'no glibc was found'
  minor=${libc#glibc 2.}
  case ${minor%%.*} in
  '' | *[!0-9]*) fail install-libc-unsupported "$libc" ;;
  *) [ "${minor%%.*}" -ge 28 ] || fail install-libc-unsupported "$libc" ;;
  esac
  for tool in tar gzip sha256sum mktemp readlink df cmp; do have "$tool" || fail install-tool-missing "$tool"; done
  [ "$service" = no ] || { have systemctl && [ -d /run/systemd/system ]; } ||
    fail install-systemd-missing 'there is no /run/systemd/system'
  if [ -L "$link" ] || [ -e "$link" ]; then
    [ "$(readlink "$link")" = "$link_target" ] || fail install-occupied "$link"
  fi
}

make_stage() {
  [ -d "$base" ] || made_base=yes
  # Beside its place: renamed, not copied; and /tmp may forbid programs, or belong to others.
  umask 022
  must mkdir -p /usr/local/bin "$base"
  umask 077
  # Two at once: the second waits, and finds it done.
  if have flock; then
    # In a file that is root's alone: what others can open, they can lock, and keep locked.
    must touch "$base/lock"
    exec 9<"$base/lock"
    must flock --timeout 900 9
  fi
  must mktemp -d "$base/.install.XXXXXX"
  stage=$said
  # The archive and what is in it, which is some three times its size.
  need=$((bytes / 1024 * 4 + 4096))
  free=$(df -Pk "$base" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$need" ] || fail install-disk-full "$((need / 1024)) MB needed below $base, $((free / 1024)) MB free"
}

get_release() {
  step='downloading'
  say "Downloading $archive from $url"
  fetch "$url/api/v1/releases/$archive" "$stage/archive"
  size=$(wc -c <"$stage/archive" | tr -d ' ')
  [ "$size" = "$bytes" ] || fail install-archive-altered "it has $size bytes instead of $bytes"
  sum=$(sha256sum <"$stage/archive")
  [ "${sum%% *}" = "$sha256" ] || fail install-archive-altered "its SHA-256 is ${sum%% *}"
  step='unpacking'
  mkdir "$stage/tree"
  must tar -xzf "$stage/archive" -C "$stage/tree" --strip-components=1 --no-same-owner
  rm "$stage/archive"
  chown -R 0:0 "$stage/tree"
  chmod -R u=rwX,go=rX "$stage/tree"
  if have restorecon; then restorecon -R "$stage/tree" || :; fi
  step='trying the agent'
  tried=0
  said=$("$stage/tree/latchkey-agent" --version 2>&1) || tried=$?
  case "$tried $said" in
  "0 $version") ;;
  *GLIBC*) fail install-libc-unsupported "$said" ;;
  126*) fail install-noexec "$said" ;;
  *) fail install-executable-broken "status $tried: $said" ;;
  esac
}

same_tree() {
  [ -d "$2" ] || return 1
  for file in "$1"/*; do cmp -s "$file" "$2/${file##*/}" || return 1; done
}

put_in_place() {
  step='putting the files in place'
  changed=no
  if ! same_tree "$stage/tree" "$base/$version"; then
    changed=yes
    # Of this file system alone, where sync knows how: others may be long at it.
    sync -f "$stage/tree" 2>/dev/null || sync
    if [ -e "$base/$version" ]; then
      must mv -T "$base/$version" "$stage/old"
      old_version=$stage/old
    fi
    made_version=yes
    must mv -T "$stage/tree" "$base/$version"
  fi
  if [ "$(readlink "$base/current" 2>/dev/null || :)" != "$version" ]; then
    changed=yes
    if [ -L "$base/current" ]; then old_current=$(readlink "$base/current"); else made_current=yes; fi
    must ln -s "$version" "$stage/current"
    must mv -fT "$stage/current" "$base/current"
  fi
  if [ ! -L "$link" ]; then
    made_link=yes
    must ln -s "$link_target" "$link"
  fi
}

# put FILE PLACE MODE: a copy, made beside its place and renamed, so that it is there whole or not at all.
put() {
  must mktemp "$2.XXXXXX"
  beside=$said
  must cp "$1" "$beside"
  must chmod "$3" "$beside"
  must mv -f "$beside" "$2"
  beside=
}

keep_proxy() {
  proxy=${HTTPS_PROXY:-${https_proxy:-}}
  [ -n "$proxy" ] && [ ! -e "$settings/environment" ] || return 0
  step='keeping the proxy'
  made_settings=yes
  must mkdir -p "$settings"
  must chmod 0755 "$settings"
  printf 'HTTPS_PROXY=%s\nNO_PROXY=%s\n' "$proxy" "${NO_PROXY:-${no_proxy:-}}" >"$stage/environment"
  # May hold a password: for root alone.
  put "$stage/environment" "$settings/environment" 0600
}

join() {
  step='joining'
  if [ -e "$state/config.json" ]; then
    "$link" status --json 2>/dev/null | grep -qF "\"server\":\"$url\"" ||
      fail install-enrolled-elsewhere "see latchkey-agent status"
    say 'Enrolled already; the join token was not used.'
    return 0
  fi
  [ -e "$state" ] || made_state=yes
  # The token by a pipe; printf is part of the shell.
  said=$(printf '%s\n' "$token" | "$link" enroll --url "$url" ${name:+--name "$name"} 2>&1 >/dev/null) ||
    not_joined "${said#latchkey-agent: }"
}

not_joined() {
  case $1 in
  *ENOSPC* | *EDQUOT*) fail install-disk-full "$1" ;;
  *EROFS* | *EACCES* | *EPERM* | state-directory-*) fail install-directory-unwritable "$1" ;;
  ca-pin-mismatch* | control-plane-unreachable*CERT* | control-plane-unreachable*VERIFY*) fail install-tls-untrusted "$1" ;;
  control-plane-unreachable*) fail install-unreachable "$1" ;;
  *) fail install-enrolment-refused "$1" ;;
  esac
}

start_service() {
  [ "$service" = yes ] || return 0
  step='starting the service'
  if [ -e "$unit" ]; then had_unit=yes; fi
  if ! cmp -s "$base/$version/latchkey-agent.service" "$unit"; then
    changed=yes
    if [ -n "$had_unit" ]; then must cp -p "$unit" "$stage/unit.old" && old_unit=$stage/unit.old; else made_unit=yes; fi
    put "$base/$version/latchkey-agent.service" "$unit" 0644
    if have restorecon; then restorecon "$unit" || :; fi
    systemctl daemon-reload
  fi
  touched_service=yes
  said=$(systemctl enable --now latchkey-agent.service 2>&1) || fail install-service-failed "$said"
  if [ "$changed" = yes ]; then
    said=$(systemctl restart latchkey-agent.service 2>&1) || fail install-service-failed "$said"
  fi
  waited=0
  until shown=$("$link" status --json 2>/dev/null) && case $shown in *'"state":"connected"'*) : ;; *) false ;; esac; do
    [ "$waited" -lt "$connect_seconds_max" ] || fail install-not-connected "$(loss_of "$shown")"
    sleep 1
    waited=$((waited + 1))
  done
}

loss_of() {
  loss=$(printf '%s' "$1" | sed -n 's/.*"lastLoss":"\([^"]*\)".*/\1/p')
  active=$(systemctl is-active latchkey-agent.service || :)
  say "not connected after $connect_seconds_max s, the service is $active; ${loss:-the agent does not say why}"
}

read -r token || :
authority=$(cat)
read_arguments "$@"
report '"installing"'
step='looking at the host'
have curl || have wget || fail install-tool-missing 'curl or wget'
require_host
make_stage
get_release
put_in_place
keep_proxy
join
start_service
step='done'
status=$("$link" status || :)
printf '%s\n' "$status" | grep -E '^ *(instance|server|fingerprint)' || :
called=$(printf '%s\n' "$status" | sed -n 's/^ *instance *\([^ ]*\) .*/\1/p')
if [ "$service" = yes ]; then
  say "The agent runs. Compare the fingerprint, where latchkey is: latchkey instances trust $called"
else
  say 'Installed, not started. Have your supervisor keep this running, as root: latchkey-agent run'
fi
