# shellcheck shell=bash
# The Debian 13 root: made once per package list with mmdebstrap, kept in the
# user's cache, shared by all checkouts.

suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# digest LIST: a changed list is another root, or another round of test packages.
digest() { { packages "$1"; echo "$suite"; } | sha256sum | cut -c1-12; }
root_dir() { echo "$cache/$suite-$(digest run)"; }
test_mark() { echo "$(root_dir)/var/lib/heliograph-test-$(digest test)"; }

# prepare_root run|test: makes what is not there yet.
prepare_root() {
  [ -d "$(root_dir)" ] || locked make_root
  [ "$1" = run ] || [ -e "$(test_mark)" ] || locked add_test_packages
}

# locked CMD: two ./dev at once wait for each other. The lock is held by every
# child too, so an interrupted mmdebstrap that still works is waited for.
locked() {
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock -n 9 || { say "another ./dev is preparing the root; waiting for it"; flock 9; }
  "$1"
  exec 9>&-
}

make_root() {
  local root partial sources options=() started=$SECONDS
  root=$(root_dir) partial=$root.partial
  [ -d "$root" ] && return 0 # made while we waited for the lock
  ask_for_root
  install_host_tools
  how_to_enter >/dev/null
  mapfile -t sources < <(root_sources)
  [ ${#sources[@]} -gt 0 ] ||
    die "apt on this machine names no Debian mirror. Set HELIOGRAPH_MIRROR to the address of one and run this again."
  mapfile -t options < <(apt_proxies | sed 's/^/--aptopt=/')

  say "making a Debian 13 root in $root (once: about two minutes, 2.5 GB)"
  # Made beside and renamed, so an interrupted run leaves nothing that looks whole.
  # The mounts that mmdebstrap makes die with it, even when it is killed.
  remove_tree "$partial"
  watched as_root unshare --mount mmdebstrap --variant=minbase --verbose --skip=cleanup/apt/lists "${options[@]}" \
    --include="$(packages run | tr ' ' ',')" "$suite" "$partial" "${sources[@]}" ||
    die "the root could not be made. Check that the mirror can be reached and that the disk is not full ($(free_space) free), then run this again."
  # What is bound over a file later needs the file to be there; and no package
  # may start its daemon in here.
  as_root sh -c 'cd "$1" && touch etc/resolv.conf etc/hosts etc/machine-id &&
    printf "#!/bin/sh\nexit 101\n" >usr/sbin/policy-rc.d && chmod +x usr/sbin/policy-rc.d' sh "$partial"
  as_root mv "$partial" "$root"
  say "the root is ready after $((SECONDS - started)) s"
  mention_old_roots
}

# Adds the test packages to the root; safe to interrupt and repeat.
add_test_packages() {
  [ -e "$(test_mark)" ] && return 0
  ask_for_root
  say "adding browsers and test tools to the root (once: about two minutes, 2 GB)"
  # The first line mends what an interrupted run left half unpacked.
  # shellcheck disable=SC2046 # the names are words
  watched administer_root sh -c 'dpkg --configure -a; apt-get install -y --no-install-recommends --fix-broken &&
    apt-get update -qq && apt-get install -y --no-install-recommends "$@"' sh $(packages test) ||
    die "the test packages could not be installed. Check that the mirror can be reached and that the disk is not full ($(free_space) free), then run this again; if it stays, remove the root: sudo rm -rf --one-file-system $(root_dir)"
  as_root touch "$(test_mark)"
}

# Another checkout may still use them, so they are named and not removed.
mention_old_roots() {
  local old
  for old in "$cache/$suite"-????????????; do
    [ ! -d "$old" ] || [ "$old" = "$(root_dir)" ] ||
      say "an older root is still there. If no other checkout uses it: sudo rm -rf --one-file-system $old"
  done
}

# Never beyond the file system of the root: a mount left in it may be the host's.
remove_tree() { [ ! -e "$1" ] || as_root rm -rf --one-file-system "$1"; }
free_space() { df -h --output=avail "$cache" | tail -n 1 | xargs; }

# ---- what this machine knows about Debian ----------------------------------

# apt_mirrors Debian|Debian-Security: the mirrors that apt here already uses.
apt_mirrors() {
  apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk -v label="$1" '$2 == label { print $1 }' | sort -u
}

# The lines of the root's sources.list; nothing where no mirror is known.
root_sources() {
  local archive security
  archive=${HELIOGRAPH_MIRROR:-$(apt_mirrors Debian | head -n 1)}
  security=$(apt_mirrors Debian-Security | head -n 1)
  [ -n "$archive" ] || return 0
  echo "deb [signed-by=$keyring] $archive $suite main"
  [ -z "$security" ] || echo "deb [signed-by=$keyring] $security $suite-security main"
}

apt_proxies() { apt-config dump 2>/dev/null | grep -E '^Acquire::https?::Proxy ' || true; }

install_host_tools() {
  local missing=()
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  command -v bwrap >/dev/null || missing+=(bubblewrap)
  [ -e "$keyring" ] || missing+=(debian-archive-keyring)
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null ||
    die "this system is older than GTK 4.14 and has no apt. Install by hand: ${missing[*]}. Then set HELIOGRAPH_MIRROR to a Debian mirror and run this again."
  say "installing with apt: ${missing[*]}"
  as_root apt-get update -qq || fail "apt-get update failed; trying with the package lists that are there"
  watched as_root apt-get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install ${missing[*]}. Mend what it says above, then run this again."
}
