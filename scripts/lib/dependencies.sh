# For bash scripts of this directory to source. They run from the checkout's top directory, and call no Node before this.

# Installs what package-lock.json lists when it is missing or older than that file. Ends with a code other than 0, and a
# reason on standard error, when it cannot.
install_npm_dependencies() {
  if ! command -v npm >/dev/null; then
    complain 'npm is not installed, and nothing runs without it. Install Node.js with npm, any version from 20.'
    return
  fi
  # npm writes the second file at the end of every install.
  if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
    echo 'Installing npm dependencies (missing, or older than package-lock.json): npm ci'
    if ! run_npm ci --loglevel=error; then
      complain 'npm ci failed; its reason stands above. It needs the npm registry, or a cache of it.'
      return
    fi
  fi
  # npm 10 drops the Node of other platforms after installing ours, and with it the link `node`, which they share.
  if [[ ! -e node_modules/.bin/node ]] && ! run_npm rebuild --silent; then
    complain 'npm rebuild failed; its reason stands above.'
    return
  fi
  [[ -x node_modules/.bin/node ]] ||
    complain 'the dependencies hold no Node for this machine: npm brings it for Linux (x64, arm64) and Windows (x64).'
}

# Passes signals on, and waits: npm undoes what it has begun. By itself a shell would put the signal off until npm has
# installed everything, or leave npm behind.
run_npm() {
  # npm would leave compiled code of its own in the temporary directory.
  NODE_DISABLE_COMPILE_CACHE=1 npm "$@" &
  local npm=$! signal code=0
  for signal in INT TERM HUP; do
    # Expanded now: the numbers are known here only.
    # shellcheck disable=SC2064
    trap "echo 'Waiting for npm, which undoes what it has begun.'; kill $npm 2>/dev/null; wait $npm; exit $((128 + $(kill -l "$signal")))" "$signal"
  done
  wait "$npm" || code=$?
  trap - INT TERM HUP
  return "$code"
}

complain() {
  printf 'scripts/%s: %s\n' "${0##*/}" "$*" >&2
  return 1
}
