# shellcheck shell=bash
# Entering the Debian 13 root: by bubblewrap, or by chroot in a mount namespace
# where bubblewrap may not make namespaces.

enter_root() {
  case $(how_to_enter) in
    bwrap) enter_by_bwrap "$@" ;;
    chroot) enter_by_chroot "$@" ;;
    "") exit 1 ;; # how_to_enter has said why
    *) die "HELIOGRAPH_ENTER is '$HELIOGRAPH_ENTER': set it to bwrap or chroot, or leave it unset" ;;
  esac
}

how_to_enter() {
  if [ -n "${HELIOGRAPH_ENTER:-}" ]; then echo "$HELIOGRAPH_ENTER"
  elif bwrap --dev-bind / / --proc /proc --tmpfs /run true 2>/dev/null; then echo bwrap
  elif as_root unshare --mount mount --bind / / 2>/dev/null; then echo chroot
  else die "neither bubblewrap nor chroot can set up the Debian 13 root: namespaces and mounts are forbidden here. Start the container with '--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined', or use a Debian 13 or Ubuntu 24.04 image, where Heliograph builds without that root."
  fi
}

# Folders and sockets of this machine that keep their place inside the root:
# home, repository, Rust, X11 (/tmp), and what XDG_RUNTIME_DIR holds (Wayland,
# PipeWire, the session bus); abstract sockets come with the shared network.
carried() {
  local path
  for path in "$HOME" "$repo" "${CARGO_HOME:-}" "${RUSTUP_HOME:-}" "$(target_dir)" \
    "${XDG_CACHE_HOME:-}" "${XDG_CONFIG_HOME:-}" "${XDG_DATA_HOME:-}" "${XDG_STATE_HOME:-}" \
    /tmp /sys /run/dbus /run/udev "${XDG_RUNTIME_DIR:-}" "$(realpath -q "${XAUTHORITY:-}")"; do
    [ -z "$path" ] || [ ! -e "$path" ] || echo "$path"
  done
}

# Names, addresses and certificates: registries may sit behind a private CA.
carried_read_only() {
  local path
  for path in /etc/ssl/certs /etc/resolv.conf /etc/hosts /etc/machine-id; do
    [ ! -e "$path" ] || echo "$path"
  done
  # Without these an ordinary user has no name inside; root keeps the root's own.
  [ "$(id -u)" -eq 0 ] || printf '%s\n' /etc/passwd /etc/group
}

# Builds of host and root never mix.
target_dir() { echo "${CARGO_TARGET_DIR:-$repo/target}/$suite"; }

inside_env() {
  echo "PATH=${CARGO_HOME:-$HOME/.cargo}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  echo "CARGO_TARGET_DIR=$(target_dir)"
  echo "GST_REGISTRY=$(target_dir)/gstreamer-registry.bin"
}

enter_by_bwrap() {
  local args=(--dev-bind /dev /dev --proc /proc --tmpfs /run --die-with-parent) root path env
  root=$(root_dir)
  mkdir -p "$(target_dir)"
  # The root's folders go one by one into an empty place, where an ordinary user
  # may make the folders for what is carried in.
  for path in usr etc var; do args+=(--bind "$root/$path" "/$path"); done
  for path in "$root"/{bin,sbin,lib*}; do args+=(--symlink "usr/${path##*/}" "/${path##*/}"); done
  while read -r path; do args+=(--bind "$path" "$path"); done < <(carried)
  while read -r path; do args+=(--ro-bind "$(readlink -f "$path")" "$path"); done < <(carried_read_only)
  # root keeps its capabilities: test networks are made with ip netns.
  [ "$(id -u)" -ne 0 ] || args+=(--cap-add ALL)
  mapfile -t env < <(inside_env)
  # Ctrl+C is for the command: a bwrap that dies of it takes the command along
  # before that has stopped by itself.
  env --ignore-signal=INT bwrap "${args[@]}" --chdir "$PWD" \
    /usr/bin/env --default-signal=INT "${env[@]}" "$@"
}

# The same mounts without user namespaces; they end with the command.
enter_by_chroot() {
  local mounts env root
  root=$(root_dir)
  mkdir -p "$(target_dir)"
  mapfile -t mounts < <(echo /dev; echo /proc; carried; carried_read_only)
  mapfile -t env < <(inside_env)
  as_root unshare --mount sh -c 'set -e
    root=$1; shift
    while [ "$1" != -- ]; do
      if [ -d "$1" ]; then mkdir -p "$root$1"
      elif [ ! -e "$root$1" ]; then mkdir -p "$(dirname "$root$1")"; : >"$root$1"
      fi
      mount --rbind "$1" "$root$1"; shift
    done; shift
    exec "$@"' sh "$root" "${mounts[@]}" -- \
    chroot --userspec="$(id -u):$(id -g)" --groups="$(id -G | tr ' ' ,)" "$root" \
    /usr/bin/env "${env[@]}" sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

# administer_root CMD…: apt inside the root, with the root's own users and full rights.
administer_root() {
  as_root unshare --mount sh -c 'set -e
    root=$1; shift
    for dir in /dev /proc /sys /etc/ssl/certs /etc/resolv.conf; do mount --rbind "$dir" "$root$dir"; done
    exec chroot "$root" /usr/bin/env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
  ' sh "$(root_dir)" "$@"
}
