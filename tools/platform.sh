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

suite=trixie
cache=${XDG_CACHE_HOME:-$HOME/.cache}/heliograph

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf '\033[1;31mdev:\033[0m %s\n' "$*" >&2; exit 1; }

packages() { sed -e 's/#.*//' "$repo/tools/packages/$1.txt" | xargs; }
digest() { packages "$1" | cat - <(echo "$suite") | sha256sum | cut -c1-12; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this step needs root: run it as root or install sudo. The step was: $*"
  fi
}

# ---- host or root? ---------------------------------------------------------

host_has_floor() {
  pkg-config --atleast-version=4.14 gtk4 2>/dev/null &&
    pkg-config --atleast-version=1.5 libadwaita-1 2>/dev/null &&
    pkg-config --atleast-version=1.24 gstreamer-1.0 2>/dev/null
}

# The floor is not installed, but this distribution has it.
host_offers_floor() {
  command -v apt-cache >/dev/null || return 1
  local version
  version=$(apt-cache policy libgtk-4-dev 2>/dev/null | awk '/Candidate:/ { print $2 }')
  [ -n "$version" ] && [ "$version" != "(none)" ] && dpkg --compare-versions "$version" ge 4.14
}

platform() {
  if [ -n "${HELIOGRAPH_PLATFORM:-}" ]; then echo "$HELIOGRAPH_PLATFORM"
  elif host_has_floor || host_offers_floor; then echo host
  else echo root
  fi
}

# ---- on the host -----------------------------------------------------------

# prepare_host LIST: installs what is missing of a package list.
prepare_host() {
  if ! command -v apt-get >/dev/null; then
    host_has_floor || die "no apt here: install the packages that correspond to tools/packages/$1.txt"
    return 0
  fi
  local missing=() name
  for name in $(packages "$1"); do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "installing ${#missing[@]} packages: ${missing[*]}"
  as_root apt-get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install them. Run 'apt-get update' and try again, or see its message above."
}

# ---- the root --------------------------------------------------------------

root_dir() { echo "$cache/$suite-$(digest run)"; }

# The Debian mirrors this machine already uses: "MIRROR archive" and "MIRROR security" lines.
apt_mirrors() {
  apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk '$2 == "Debian" { print $1, "archive" } $2 == "Debian-Security" { print $1, "security" }' | sort -u
}

root_sources() {
  local archive security
  archive=${HELIOGRAPH_MIRROR:-$(apt_mirrors | awk '$2 == "archive" { print $1; exit }')}
  security=$(apt_mirrors | awk '$2 == "security" { print $1; exit }')
  [ -n "$archive" ] || return 1
  echo "deb $archive $suite main"
  [ -z "$security" ] || echo "deb $security $suite-security main"
}

install_host_tools() {
  local tool missing=()
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  command -v bwrap >/dev/null || missing+=(bubblewrap)
  [ -n "$(apt_mirrors)" ] && [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "this system is older than GTK 4.14 and has no apt: install mmdebstrap and bubblewrap, then set HELIOGRAPH_MIRROR to a Debian mirror"
  as_root apt-get update -qq || die "apt-get update failed: check the network and the files in /etc/apt"
  for tool in "${missing[@]}"; do
    as_root apt-get install -y -qq --no-install-recommends "$tool" >/dev/null ||
      die "could not install $tool with apt-get"
  done
}

# Runs "$@" while nobody else changes the roots: two ./dev at once wait for each other.
locked() {
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock -n 9 || { say "another ./dev is preparing the root; waiting for it"; flock 9; }
  "$@"
  exec 9>&-
}

make_root() {
  local root partial started=$SECONDS
  root=$(root_dir)
  [ -d "$root" ] && return 0
  install_host_tools
  root_sources >/dev/null || die "apt on this machine names no Debian mirror: set HELIOGRAPH_MIRROR=URL to one"
  say "making a Debian 13 root in $root (once; about two minutes, 2.5 GB)"
  partial=$root.partial
  as_root rm -rf "$partial"
  # Made beside and renamed, so an interrupted run leaves nothing that looks whole.
  root_sources | as_root mmdebstrap --variant=minbase --skip=cleanup/apt/lists \
    --include="$(packages run | tr ' ' ',')" "$suite" "$partial" - 2>&1 | progress ||
    die "mmdebstrap failed; its last lines are above. Usual causes: the mirror is out of reach, or the disk is full ($(df -h --output=avail "$cache" | tail -1) free)."
  # What is bound over a file needs the file to be there.
  as_root touch "$partial"/etc/{resolv.conf,hosts,machine-id}
  as_root mv "$partial" "$root"
  say "root ready after $((SECONDS - started)) s"
}

# Adds the test packages to the root, once per list; safe to interrupt and repeat.
add_test_packages() {
  local root mark
  root=$(root_dir)
  mark=$root/var/lib/heliograph-test-$(digest test)
  [ -e "$mark" ] && return 0
  say "adding browsers and test tools to the root (once)"
  # shellcheck disable=SC2046
  enter_root_as_admin sh -c 'dpkg --configure -a && apt-get update -qq &&
    apt-get install -y --no-install-recommends --fix-broken "$@"' sh $(packages test) 2>&1 | progress ||
    die "apt-get inside the root failed; its last lines are above. Run the same command again; if it stays, remove $root."
  as_root touch "$mark"
}

# One line that moves on a terminal; the tail of the output when it fails.
progress() {
  local log status=0
  log=$(mktemp)
  if [ -t 2 ]; then
    while IFS= read -r line; do echo "$line" >>"$log"; printf '\r\033[K    %.70s' "$line" >&2; done
    printf '\r\033[K' >&2
  else
    cat >"$log"
  fi
  status=${PIPESTATUS[0]}
  cp "$log" "$cache/last-install.log" && rm -f "$log"
  return "$status"
}

# ---- entering the root -----------------------------------------------------

bwrap_works() { command -v bwrap >/dev/null && bwrap --dev-bind / / true 2>/dev/null; }

how_to_enter() {
  if [ -n "${HELIOGRAPH_ENTER:-}" ]; then echo "$HELIOGRAPH_ENTER"
  elif bwrap_works; then echo bwrap
  elif as_root unshare --mount true 2>/dev/null; then echo chroot
  else die "neither bubblewrap nor a chroot works here: namespaces and mounts are forbidden. In a container, start it with --cap-add SYS_ADMIN (and seccomp=unconfined), or use one of Debian 13 or Ubuntu 24.04, which need no root."
  fi
}

# Paths of this machine that keep their place inside the root.
carried_paths() {
  local path
  for path in "$HOME" "$repo" "${CARGO_HOME:-}" "${RUSTUP_HOME:-}" /tmp /sys "${XDG_RUNTIME_DIR:-}" \
    /run/dbus "${XAUTHORITY:-}"; do
    [ -n "$path" ] && [ -e "$path" ] && echo "$path"
  done
}

carried_read_only() {
  local path
  for path in /etc/ssl/certs /etc/resolv.conf /etc/hosts /etc/machine-id; do
    [ -e "$path" ] && echo "$path"
  done
  # Without these a user of this machine has no name inside.
  [ "$(id -u)" -eq 0 ] || printf '%s\n' /etc/passwd /etc/group
}

inside_env() {
  echo "PATH=${CARGO_HOME:-$HOME/.cargo}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  echo "CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$repo/target/$suite}"
  echo "GST_REGISTRY=$repo/target/$suite/gstreamer-registry.bin"
}

enter_bwrap() {
  local args=(--dev-bind /dev /dev --proc /proc --tmpfs /run --die-with-parent) path name value
  # The root's folders are bound one by one into an empty root, where an
  # ordinary user may make the places for everything that is carried in.
  for path in "$(root_dir)"/*; do
    name=/${path##*/}
    case $name in /dev | /proc | /sys | /run | /tmp | /home | /root) continue ;; esac
    if [ -L "$path" ]; then args+=(--symlink "$(readlink "$path")" "$name"); else args+=(--bind "$path" "$name"); fi
  done
  while read -r path; do args+=(--bind "$path" "$path"); done < <(carried_paths)
  while read -r path; do args+=(--ro-bind "$(readlink -f "$path")" "$path"); done < <(carried_read_only)
  while IFS='=' read -r name value; do args+=(--setenv "$name" "$value"); done < <(inside_env)
  # root keeps its capabilities: test networks are made with ip netns.
  [ "$(id -u)" -eq 0 ] && args+=(--cap-add ALL)
  bwrap "${args[@]}" --chdir "$PWD" "$@"
}

# The same mounts without user namespaces, in a mount namespace that ends with the command.
enter_chroot() {
  local root script path target
  root=$(root_dir)
  script='set -e; mount --make-rprivate /; r=$1; shift;
    while [ "$1" != -- ]; do
      if [ -d "$1" ]; then mkdir -p "$r$1"; else mkdir -p "$(dirname "$r$1")"; [ -e "$r$1" ] || : >"$r$1"; fi
      mount --rbind "$1" "$r$1"; shift
    done; shift; exec chroot "$r" "$@"'
  local mounts=(/dev /proc)
  while read -r path; do mounts+=("$path"); done < <(carried_paths; carried_read_only)
  local env=()
  while read -r target; do env+=("$target"); done < <(inside_env)
  as_root unshare --mount sh -c "$script" sh "$root" "${mounts[@]}" -- \
    env "HOME=$HOME" "${env[@]}" sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

# apt inside the root: the root's own users, no home, full rights.
enter_root_as_admin() {
  as_root unshare --mount sh -c 'set -e; r=$1; shift; mount --make-rprivate /
    for d in /dev /proc /sys /etc/ssl/certs; do mount --rbind "$d" "$r$d"; done
    mount --bind "$(readlink -f /etc/resolv.conf)" "$r/etc/resolv.conf" 2>/dev/null || cp /etc/resolv.conf "$r/etc/resolv.conf"
    exec chroot "$r" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$(root_dir)" "$@"
}

# ---- what ./dev calls ------------------------------------------------------

# prepare run|test: makes the place where commands run ready.
prepare() {
  command -v cargo >/dev/null || [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] ||
    die "no cargo: install Rust with rustup (1.95 or newer) and try again"
  if [ "$(platform)" = host ]; then
    prepare_host run
    [ "$1" = test ] && prepare_host test
    return 0
  fi
  locked make_root
  [ "$1" = test ] && locked add_test_packages
  return 0
}

# enter CMD…: runs it where Heliograph is built.
enter() {
  if [ "$(platform)" = host ]; then "$@"
  elif [ "$(how_to_enter)" = bwrap ]; then enter_bwrap "$@"
  else enter_chroot "$@"
  fi
}
