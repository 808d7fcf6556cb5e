# shellcheck shell=bash
# Working on this machine itself: does it meet the floor, and what is missing?

# The host serves for run when the floor is there, or when its distribution has
# it; for test it must offer the test packages too (Ubuntu has no Chromium deb).
host_can() {
  host_has_floor || { [ ! -d "$(root_dir)" ] && host_offers_floor; } || return 1
  [ "$1" = run ] || ! command -v apt-get >/dev/null || apt_offers "$1"
}

host_has_floor() {
  pkg-config --atleast-version=4.14 gtk4 2>/dev/null &&
    pkg-config --atleast-version=1.5 libadwaita-1 2>/dev/null &&
    pkg-config --atleast-version=1.24 gstreamer-1.0 2>/dev/null
}

host_offers_floor() {
  command -v apt-get >/dev/null || return 1
  fetch_apt_lists
  local version
  version=$(apt-cache policy libgtk-4-dev 2>/dev/null | awk '/Candidate:/ { print $2 }')
  dpkg --compare-versions "${version:-0}" ge 4.14 && apt_offers run
}

# Fresh images and machines come without package lists, and apt then knows nothing.
fetch_apt_lists() {
  compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null && return 0
  say "asking apt what this system offers"
  as_root apt-get update -qq || die "apt-get update failed. Check the network and the files in /etc/apt, then run this again."
}

# apt_offers LIST: every package of the list can be installed.
apt_offers() {
  local names
  names=$(packages "$1")
  # shellcheck disable=SC2086 # the names are words
  [ "$(apt-cache policy $names | grep -c 'Candidate: [^(]')" -eq "$(wc -w <<<"$names")" ]
}

# prepare_host run|test: installs what is missing.
prepare_host() {
  local missing
  if ! command -v apt-get >/dev/null; then
    host_has_floor || die "this system has no apt. Install what corresponds to tools/packages/$1.txt by hand (GTK 4.14, libadwaita 1.5 and GStreamer 1.24 or newer, with their development files), then run this again."
    return 0
  fi
  missing=$(missing_packages run)
  [ "$1" = run ] || missing+=" $(missing_packages "$1")"
  [ -n "${missing// /}" ] || return 0
  ask_for_root
  say "installing with apt:" "$missing"
  as_root apt-get update -qq || fail "apt-get update failed; trying with the package lists that are there"
  # shellcheck disable=SC2086 # the names are words
  watched as_root apt-get install -y --no-install-recommends $missing ||
    die "apt-get could not install them. Mend what it says above, then run this again."
}

missing_packages() {
  local installed
  # shellcheck disable=SC2046 # the names are words
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $(packages "$1") 2>/dev/null |
    awk '$2 == "installed" { print $1 }' | sort -u)
  packages "$1" | tr ' ' '\n' | sort | comm -23 - <(echo "$installed") | xargs
}
