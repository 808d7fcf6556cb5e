# shellcheck shell=bash
# Where Heliograph is built and run: on this machine where it is new enough,
# otherwise inside a Debian 13 root of our own. Sourced by ./dev.
#
# The floor is GTK 4.14, libadwaita 1.5 and GStreamer 1.24: the GTK video sink
# does not compile below it, and older GStreamer leaks threads per session.
#
# HELIOGRAPH_PLATFORM=host|root   decides instead of the test below
# HELIOGRAPH_MIRROR=URL           Debian mirror for the root, where apt names none
# HELIOGRAPH_ENTER=bwrap|chroot   how the root is entered

cache=${XDG_CACHE_HOME:-$HOME/.cache}/heliograph
place= # "host" or "root", once prepare has decided

# packages run|test: the names in a package list, on one line.
packages() { sed -e 's/#.*//' "$repo/tools/packages/$1.txt" | xargs; }

# The environment stays what it is: proxies and certificates matter to apt too.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo --preserve-env "$@"
  else die "this step needs root, and there is no sudo: install sudo, or run this as root"
  fi
}

# Before a long step, so that sudo asks for its password on a quiet screen.
ask_for_root() { as_root true || die "sudo refused: run this as somebody who may use sudo, or as root"; }

# shellcheck source=tools/say.sh
. "$repo/tools/say.sh"
# shellcheck source=tools/platform/progress.sh
. "$repo/tools/platform/progress.sh"
# shellcheck source=tools/platform/host.sh
. "$repo/tools/platform/host.sh"
# shellcheck source=tools/platform/root.sh
. "$repo/tools/platform/root.sh"
# shellcheck source=tools/platform/enter.sh
. "$repo/tools/platform/enter.sh"

# prepare run|test: decides on the place and makes it ready.
prepare() {
  if [ -n "${HELIOGRAPH_PLATFORM:-}" ]; then place=$HELIOGRAPH_PLATFORM
  elif host_can "$1"; then place=host
  else place=root
  fi
  case $place in host | root) ;; *) die "HELIOGRAPH_PLATFORM is '$place': set it to host or root, or leave it unset" ;; esac
  require_cargo
  "prepare_$place" "$1"
}

# enter CMD…: runs CMD in the place that was prepared.
enter() {
  case $place in
    host) "$@" ;;
    root) enter_root "$@" ;;
  esac
}

# Rust comes from the user's rustup on every platform: distributions are behind.
require_cargo() {
  local cargo have need home=${CARGO_HOME:-$HOME/.cargo}
  need=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$repo/Cargo.toml")
  PATH=$home/bin:$PATH # for good: rustup's cargo goes before the distribution's
  cargo=$(command -v cargo) ||
    die "there is no cargo in PATH or $home/bin. Install Rust $need or newer with rustup (https://rustup.rs) and run this again."
  have=$(cargo --version 2>/dev/null | awk '{ print $2 }') || true
  [ -n "$have" ] || die "$cargo does not start. Run 'rustup default stable' and try again."
  [ "$(printf '%s\n' "$need" "$have" | sort -V | head -n 1)" = "$need" ] ||
    die "$cargo is $have, and Heliograph needs $need. Run 'rustup update stable'; without rustup, get it from https://rustup.rs."
  [ "$place" = host ] || [ "$cargo" = "$home/bin/cargo" ] ||
    die "$cargo cannot be used inside the Debian 13 root. Install Rust with rustup (https://rustup.rs), which puts it into $home."
}
