#!/bin/sh
# Latchkey: sets the password of one local account on Linux. Run by the agent, as root, by path.
#
# In:   LK_ACCOUNT      name of a local account
#       LK_PHASE        apply | finish
#       LK_UNLOCK       1: remove a lock (without it a locked account stays locked)
#       LK_UNEXPIRE     1: remove the account's expiry date
#       LK_MUST_CHANGE  1: the password must be changed at the next login (finish phase, after verification)
#       LK_LOCK         the lock marks before the account's hash, as the agent has just read them, or `none`. Empty or
#                       unset: read here, byte by byte, since a shell cannot do better
#       LK_AHEAD        1: begun before it is known that it may. Descriptor 3 comes late or ends without a line. Nothing is
#                       touched before chpasswd has read it, and what fails is not looked into. With LK_LOCK=none alone
#       descriptor 3    `account:password\n`, handed to chpasswd untouched; this script never reads it
# Out:  last line       latchkey-result code=CODE warnings=LIST detail=TEXT
#       exit status     0 when code is applied, 1 otherwise
# Codes: applied account-database-lock-held account-database-read-only account-database-immutable
#        account-database-busy disk-full pam-broken policy-refused selinux-denied account-not-found script-failed
# Warnings: unexpire-failed unlock-failed
# Codes and warnings are those of results on the wire: protocol/codes/result.ts, protocol/tasks.ts.
#
# Runs again after an interruption with the same result. Hot path: shell built-ins and one chpasswd.
set -u
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset IFS ENV BASH_ENV CDPATH LANGUAGE

scratch=''
warnings=''

finish() { # code [detail]
  text=$(printf '%s' "${2-}" | tr -c '[:print:]' ' ' | cut -c 1-300)
  result "$1" "$text"
}

result() {
  [ -z "$scratch" ] || rm -rf -- "$scratch"
  scratch=''
  printf 'latchkey-result code=%s warnings=%s detail=%s\n' "$1" "$warnings" "${2-}"
  [ "$1" = applied ] && exit 0
  exit 1
}

warn() { warnings="${warnings:+$warnings,}$1"; }

# What the kernel says to a write of the account database: empty when it agrees. Opens for append, writes nothing.
refused_write() {
  for file in /etc/passwd /etc/shadow; do
    [ -e "$file" ] || continue
    said=$( { : >>"$file"; } 2>&1) || { printf '%s' "$said"; return; }
  done
  # A new database is written beside the old one, so room in the directory counts as well.
  probe=/etc/.latchkey-probe.$$
  size=$(($(wc -c </etc/shadow 2>/dev/null || echo 0) / 1024 + 8))
  said=$(dd if=/dev/zero of="$probe" bs=1024 count="$size" conv=excl,fsync 2>&1) || printf '%s' "$said"
  rm -f -- "$probe"
}

mounted_over() {
  while read -r _ _ _ _ place _; do
    case $place in /etc/passwd | /etc/shadow) return 0 ;; esac
  done </proc/self/mountinfo 2>/dev/null
  return 1
}

enforcing() {
  state=0
  [ ! -r /sys/fs/selinux/enforce ] || read -r state </sys/fs/selinux/enforce
  [ "$state" = 1 ]
}

# Names the cause of a failed change, most certain cause first.
classify() { # output of the failed command
  [ "$LK_AHEAD" != 1 ] || finish script-failed "$1"
  case $1 in
  *'BAD PASSWORD'* | *'already used'* | *'assword unchanged'* | *'been used'*) finish policy-refused "$1" ;;
  esac
  kernel=$(refused_write)
  case $kernel in
  *'Read-only file system'*) finish account-database-read-only "$kernel" ;;
  *'Operation not permitted'*) finish account-database-immutable "$kernel" ;;
  *'No space left'* | *'quota exceeded'*) finish disk-full "$kernel" ;;
  *'Permission denied'*) if enforcing; then finish selinux-denied "$kernel"; fi ;;
  esac
  case $1 in
  *'lock busy'* | *'cannot lock'*) finish account-database-lock-held "$1" ;;
  *'not known'* | *'does not exist'*) finish account-not-found "$1" ;;
  esac
  if mounted_over; then finish account-database-busy "$1"; fi
  if enforcing && [ -n "$kernel" ]; then finish selinux-denied "$kernel"; fi
  case $1 in
  *'token manipulation error'* | *pam_* | *PAM*) finish pam-broken "$1" ;;
  esac
  finish script-failed "${1:-no output}"
}

# Sets $stored to the account's password field, from shadow, or passwd where there is no shadow entry.
read_stored() {
  stored=''
  found=0
  while IFS=: read -r name field _; do
    if [ "$name" = "$LK_ACCOUNT" ]; then found=1 stored=$field; break; fi
  done </etc/passwd
  [ "$found" = 1 ] || result account-not-found 'not in the local account database'
  [ -e /etc/shadow ] || return 0
  while IFS=: read -r name field _; do
    if [ "$name" = "$LK_ACCOUNT" ]; then stored=$field; break; fi
  done </etc/shadow
}

# Splits $stored: sets $lock to its leading lock marks when a real hash follows them, else to nothing.
read_lock() {
  rest=$stored
  lock=''
  while :; do
    case $rest in
    !*) lock="$lock!" rest=${rest#!} ;;
    \**) lock="$lock*" rest=${rest#\*} ;;
    *) break ;;
    esac
  done
  # A modular hash starts with $ or _; a traditional one has 13 characters.
  case $rest in \$?*\$?* | _???????????????????* | ?????????????) ;; *) lock='' ;; esac
}

# The hash method of this system's own password stack, as chpasswd -c names it.
hash_method() {
  method=''
  for file in /etc/pam.d/common-password /etc/pam.d/system-auth /etc/pam.d/password-auth /etc/pam.d/chpasswd; do
    [ -r "$file" ] || continue
    while read -r kind line; do
      case "$kind $line" in
      -password*pam_unix.so* | password*pam_unix.so*)
        case " $line " in
        *' yescrypt '*) method=YESCRYPT ;;
        *' sha512 '*) method=SHA512 ;;
        *' sha256 '*) method=SHA256 ;;
        esac
        ;;
      esac
    done <"$file"
    [ -z "$method" ] || return 0
  done
  while read -r key value _; do
    if [ "$key" = ENCRYPT_METHOD ]; then method=$value; fi
  done </etc/login.defs 2>/dev/null
  case $method in YESCRYPT | SHA512 | SHA256) ;; *) method=SHA512 ;; esac
}

# Sets the password of a locked account so that no moment exists at which it is unlocked: plain chpasswd would
# write a bare hash. The hash is made in a private root that holds nothing else, then stored with its lock.
# The password stack's policy modules are not asked here: they can only be asked by a real change.
apply_locked() {
  for old in /run/latchkey-hash.*; do
    [ -d "$old" ] && ! kill -0 "${old##*.}" 2>/dev/null && rm -rf -- "$old"
  done
  scratch=/run/latchkey-hash.$$
  trap 'rm -rf -- "$scratch"' EXIT
  trap 'exit 1' HUP INT TERM
  mkdir -m 700 -- "$scratch" "$scratch/etc" || result script-failed 'no private directory under /run'
  printf '%s:x:65534:65534::/:\n' "$LK_ACCOUNT" >"$scratch/etc/passwd"
  printf '%s:!:1::::::\n' "$LK_ACCOUNT" >"$scratch/etc/shadow"
  : >"$scratch/etc/group"
  if [ -r /etc/login.defs ]; then cp /etc/login.defs "$scratch/etc/login.defs"; else : >"$scratch/etc/login.defs"; fi
  hash_method
  # One read of descriptor 3 is all there is, so the method must be one that this chpasswd knows.
  case $method$(chpasswd --help 2>&1) in YESCRYPT*YESCRYPT* | SHA*) ;; *) method=SHA512 ;; esac
  out=$(chpasswd -R "$scratch" -c "$method" <&3 2>&1) || finish script-failed "hashing: $out"
  IFS=: read -r name hash _ <"$scratch/etc/shadow"
  rm -rf -- "$scratch"
  scratch=''
  case $hash in \$?*\$?*) ;; *) result script-failed 'hashing gave no hash' ;; esac
  out=$(printf '%s:%s\n' "$LK_ACCOUNT" "$lock$hash" | chpasswd -e 2>&1) || classify "$out"
}

apply() {
  case $LK_LOCK in
  none) lock='' ;;
  '')
    read_stored
    read_lock
    ;;
  *[!\!*]*) result script-failed 'unsafe lock marks' ;;
  *) lock=$LK_LOCK ;;
  esac
  if [ "$LK_UNLOCK" = 1 ]; then lock=''; fi
  if [ -n "$lock" ]; then
    apply_locked
  else
    # Through the system's own password stack, so that its policy has its say. Setting the password also sets the
    # date of the last change, which is what makes an aged-out or inactive account usable again.
    out=$(chpasswd <&3 2>&1) || classify "$out"
  fi
  if [ "$LK_UNLOCK" = 1 ] && command -v faillock >/dev/null; then
    faillock --user "$LK_ACCOUNT" --reset >/dev/null 2>&1 || warn unlock-failed
  fi
  if [ "$LK_UNEXPIRE" = 1 ]; then
    chage -E -1 -- "$LK_ACCOUNT" >/dev/null 2>&1 || warn unexpire-failed
  fi
  result applied
}

complete() {
  if [ "$LK_MUST_CHANGE" = 1 ]; then
    out=$(chage -d 0 -- "$LK_ACCOUNT" 2>&1) || classify "$out"
  fi
  result applied
}

: "${LK_ACCOUNT:=}" "${LK_PHASE:=}" "${LK_UNLOCK:=0}" "${LK_UNEXPIRE:=0}" "${LK_MUST_CHANGE:=0}" "${LK_LOCK:=}" "${LK_AHEAD:=0}"
case $LK_ACCOUNT in
'' | [-.]* | *[!A-Za-z0-9._-]*) result script-failed 'unsafe account name' ;;
esac
case $LK_PHASE in
apply) apply ;;
finish) complete ;;
*) result script-failed 'unknown phase' ;;
esac
