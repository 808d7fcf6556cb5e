#!/usr/bin/env bash
# Runs one benchmark, or lists what there is. Called by `./dev bench`.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
cd "$repo"
. tools/say.sh

main() {
  local name=${1:-}
  case $name in
    "" | -*) list; return ;;
  esac
  [ -f "benches/$name/main.rs" ] || die "there is no benchmark '$name'. These there are: $(names | xargs)"
  # Of the development build: GStreamer does the work, and that is optimised anyway.
  cargo bench --quiet --profile dev --bench "$name" -- "${@:2}"
}

names() {
  local file
  for file in benches/*/main.rs; do basename "$(dirname "$file")"; done
}

# Each with the first line that its source says of itself.
list() {
  local name
  echo "usage: ./dev bench NAME [OPTIONS…]   (--help after NAME lists its options)"
  echo
  for name in $(names); do
    printf '  %-10s %s\n' "$name" "$(sed -n '1s,^//! ,,p' "benches/$name/main.rs")"
  done
}

main "$@"
