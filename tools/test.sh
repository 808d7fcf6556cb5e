#!/usr/bin/env bash
# Runs all tests and ends in one line: "N passed, N failed, N skipped".
# With FILTERs, those whose name contains one of them. Called by `./dev test`.
set -uo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
cd "$repo" || exit 1
. tools/say.sh

passed=0 failed=0 skipped=0

main() {
  private_place
  install_page_tests || exit 1
  say "building the tests"
  if cargo test --no-run; then
    run_all "$@"
    [ $((passed + failed)) -gt 0 ] || { fail "no test ran${*:+: no name contains $*}"; failed=1; }
  else
    fail "the tests could not be built; the compiler's words are above"
    failed=1
  fi
  recall
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

# Unit tests run side by side. Integration tests own browsers and ports, so they
# run one after another.
run_all() {
  cargo_tests --lib -- "$@"
  cargo_tests --bins -- "$@"
  cargo_tests --doc -- "$@"
  local target
  for target in $(integration_tests); do
    cargo_tests --test "$target" -- --test-threads=1 "$@"
  done
  page_tests "$@"
}

# As cargo names them: tests/NAME.rs and tests/NAME/main.rs.
integration_tests() {
  local file
  for file in tests/*.rs tests/*/main.rs; do
    [ -e "$file" ] || continue
    file=${file#tests/} file=${file%/main.rs}
    echo "${file%.rs}"
  done
}

# Nothing of the user's is read or written: settings, keyring, session bus, screen.
private_place() {
  place=$(mktemp -d "${TMPDIR:-/tmp}/heliograph-test.XXXXXX")
  trap 'rm -rf "$place"' EXIT
  mkdir -m 700 "$place"/{config,data,cache,state,runtime,schemas}
  export XDG_CONFIG_HOME=$place/config XDG_DATA_HOME=$place/data XDG_CACHE_HOME=$place/cache
  export XDG_STATE_HOME=$place/state XDG_RUNTIME_DIR=$place/runtime
  export GSETTINGS_BACKEND=memory GSETTINGS_SCHEMA_DIR=$place/schemas
  export GDK_BACKEND=x11 GSK_RENDERER=cairo LC_ALL=C.UTF-8
  unset WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS
  glib-compile-schemas --strict --targetdir="$GSETTINGS_SCHEMA_DIR" data ||
    die "data/*.gschema.xml cannot be compiled; the reason is above"
}

# A screen and a session bus of its own for each runner.
on_a_screen() {
  xvfb-run --auto-servernum --server-args='-screen 0 1920x1080x24 -nolisten tcp' \
    dbus-run-session -- "$@"
}

# What the page's tests and the browser drivers need from npm, once per lock file.
install_page_tests() (
  cd tests/browser 2>/dev/null || exit 0
  cmp -s package-lock.json node_modules/.installed && exit 0
  say "npm ci in tests/browser"
  { npm ci --no-audit --no-fund && cp package-lock.json node_modules/.installed; } ||
    die "npm could not install what tests/browser/package-lock.json names. Check the network and run this again."
)

# cargo_tests TARGET -- ARGS…: runs one test program to its end and adds up its last "test
# result" line; those before it are of tests that run themselves in a process of their own.
cargo_tests() {
  local log=$place/cargo.log status=0 line
  say "cargo test $*"
  on_a_screen cargo test "$@" 2>&1 | tee "$log" || status=$?
  line=$(grep -o 'test result: .* ignored;' "$log" | tail -n 1)
  if [ -z "$line" ]; then
    died "$status"
    return
  fi
  add "$(number "$line" passed)" "$(number "$line" failed)" "$(number "$line" ignored)"
  [ "$status" -eq 0 ] || note_panics "$log"
  [ "$status" -eq 0 ] || [ "$(number "$line" failed)" -gt 0 ] || died "$status"
}

page_tests() {
  local files tap=$place/page.tap status=0 pattern
  files=$(compgen -G 'tests/browser/*.test.mjs') || return 0
  say "node --test tests/browser"
  # Literal words in, a pattern out.
  pattern=$(printf '%s\n' "$@" | sed 's/[][\.*^$+?(){}|/]/\\&/g' | paste -sd '|')
  # shellcheck disable=SC2086 # the names are words
  on_a_screen node --test --test-concurrency=1 ${pattern:+--test-name-pattern="$pattern"} \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$tap" $files || status=$?
  local unasked
  unasked=$(grep -c '# SKIP test name does not match pattern' "$tap")
  add "$(tap_number pass)" $(($(tap_number fail) + $(tap_number cancelled))) \
    $(($(tap_number skipped) + $(tap_number todo) - unasked))
  sed -n 's/^ *not ok [0-9]* - /page: /p' "$tap" | grep -v '# TODO' >>"$place/failures"
  if ! grep -q '^# tests' "$tap"; then
    died "$status"
  elif [ "$status" -ne 0 ] && [ "$(($(tap_number fail) + $(tap_number cancelled)))" -eq 0 ]; then
    died "$status"
  fi
}

# number LINE WORD: the number before WORD in cargo's summary line.
number() { sed -E "s/.* ([0-9]+) $2;.*/\1/" <<<"$1"; }
tap_number() { sed -n "s/^# $1 \([0-9]*\)$/\1/p" "$tap" | tail -n 1 | grep . || echo 0; }

# What the tests that failed said of it: in a long run that stands far above the end.
note_panics() {
  awk '/^---- .* stdout ----$/ { print } / panicked at / { lines = 4 } lines-- > 0 { print substr($0, 1, 800) }' "$1" \
    >>"$place/failures"
}

recall() {
  [ ! -s "$place/failures" ] || { say "what failed"; cat "$place/failures"; }
}

add() { passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3)); }

# died STATUS: counts a runner that no failed test explains as one failure.
died() {
  fail "a test runner died before its end (status $1); see above"
  failed=$((failed + 1))
}

main "$@"
