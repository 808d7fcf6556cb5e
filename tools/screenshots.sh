#!/usr/bin/env bash
# screenshots.sh DIR: pictures of the main states of the window, light and dark,
# wide and narrow. Called by `./dev screenshots`. What they show is decided in
# tests/ui/screenshots.rs; nothing of the user's is read or written.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
. "$repo/tools/say.sh"

[ $# -eq 1 ] || die "name one folder for the pictures: ./dev screenshots DIR"
mkdir -p "$1" || die "the folder $1 cannot be made; name another one"
dir=$(cd "$1" && pwd)

place=$(mktemp -d "${TMPDIR:-/tmp}/heliograph-screenshots.XXXXXX")
trap 'rm -rf "$place"' EXIT
mkdir -m 700 "$place"/{config,data,cache,state,runtime}
export XDG_CONFIG_HOME=$place/config XDG_DATA_HOME=$place/data XDG_CACHE_HOME=$place/cache
export XDG_STATE_HOME=$place/state XDG_RUNTIME_DIR=$place/runtime
export GSETTINGS_BACKEND=memory GDK_BACKEND=x11 GSK_RENDERER=cairo LC_ALL=C.UTF-8
export HELIOGRAPH_TEST_PICTURES=$dir
unset WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS

cd "$repo"
say "building the window"
cargo test --quiet --test ui --no-run || die "the build failed; the compiler's words are above"
say "taking pictures"
xvfb-run --auto-servernum --server-args='-screen 0 1920x1080x24 -nolisten tcp' dbus-run-session -- \
  cargo test --quiet --test ui -- --test-threads=1 --ignored screenshots:: >"$place/log" 2>&1 ||
  { cat "$place/log" >&2; die "not all pictures could be taken; the reason is above"; }
say "$(find "$dir" -name '*.png' | wc -l) pictures in $dir"
