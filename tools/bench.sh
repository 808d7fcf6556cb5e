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
  local settings=()
  mapfile -t settings < <(optimised "$name")
  cargo bench --quiet --profile "${PROFILE:-dev}" "${settings[@]}" --bench "$name" -- "${@:2}"
}

# Of the development build: GStreamer does the work, and that is optimised anyway. Where
# packets are counted it does not do all of it: webrtcsink, congestion control and our own
# part are Rust, and are optimised without the whole tree being built again.
optimised() {
  local crate
  case $1 in codecs | congestion) return 0 ;; esac
  for crate in heliograph gst-plugin-rtp gst-plugin-webrtc gst-plugin-webrtc-signalling-protocol; do
    printf '%s\n' --config "profile.dev.package.$crate.opt-level=2"
  done
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
