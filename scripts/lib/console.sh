# For bash scripts of this directory to source, after dependencies.sh. They run from the checkout's top directory.

# Builds the web console where it is missing or older than what it is made of. Ends with a code other than 0, and a reason
# on standard error, when it cannot.
build_console_if_needed() {
  if console_is_built; then return; fi
  # The documentation installs a control plane without them, and installing them here could disturb one that runs.
  if [[ ! -e node_modules/vite/package.json ]]; then
    complain 'the web console has to be built, and what builds it is not installed. Run "npm ci", without --omit=dev.'
    return
  fi
  echo 'Building the web console (missing, or older than its sources), some ten seconds: npm run build:console'
  local started=$SECONDS ticker='' code=0
  if [[ -t 1 ]]; then
    # By itself it says nothing until it is done. Ends with this shell, however that ends.
    while sleep 1 && kill -0 $$ 2>/dev/null; do printf .; done &
    ticker=$!
  fi
  run_npm run --silent build:console || code=$?
  if [[ -n $ticker ]]; then
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null
    echo
  fi
  if ((code != 0)); then
    complain 'npm run build:console failed; its reason stands above.'
    return
  fi
  echo "Built it in $((SECONDS - started)) s."
}

console_is_built() {
  # A build empties the directory first, and writes this file when all that it is compressed from is there.
  local built=.cache/console/index.html.br
  [[ -e $built ]] || return
  # Directories, too: they tell of files that have gone.
  local newer
  newer=$(find control-plane/console protocol scripts/console package-lock.json -newer "$built" -print -quit) || return
  [[ -z $newer ]]
}
