#!/usr/bin/env bash
# Formatting, lints and the shipped files: the same for a developer and for CI.
# Every check runs; each says how to mend what it found. Called by `./dev check`.
set -uo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
cd "$repo" || exit 1
. tools/say.sh

bad=()

# check NAME HOW-TO-MEND CMD…
check() {
  say "$1"
  "${@:3}" || { fail "$1: $2"; bad+=("$1"); }
}

main() {
  check "formatting" "run './dev exec cargo fmt'" \
    cargo fmt --check
  check "clippy" "mend the lints above" \
    cargo clippy --all-targets -- -D warnings
  check "clippy without the window" "something headless needs GTK, or is used by the window only" \
    cargo clippy --all-targets --no-default-features -- -D warnings
  check "shell scripts" "mend what shellcheck names; its wiki explains each SC number" \
    shellcheck --external-sources --check-sourced dev .ci/run tools/bench.sh tools/check.sh tools/screenshots.sh tools/test.sh
  check "page scripts" "mend the syntax error above" page_scripts
  check "translatable files" "make po/POTFILES.in list exactly the files with words for people" potfiles
  check "left-overs" "take out what is named above" left_overs
  check "desktop file" "mend what desktop-file-validate names" desktop_file
  # The id has capitals by the convention of GNOME, and there is no home page yet.
  check "metainfo" "mend what appstreamcli names; --explain says more" \
    appstreamcli validate --no-net --override=url-homepage-missing=info data/*.metainfo.xml
  check "settings schema" "mend what glib-compile-schemas names" \
    glib-compile-schemas --strict --dry-run data
  check "licences and sources" "choose another crate, or argue for it in deny.toml" cargo_deny

  [ ${#bad[@]} -eq 0 ] || die "${#bad[@]} failed: $(printf '%s; ' "${bad[@]}")each says above how to mend it"
  say "all checks passed"
}

# Sources that are in git or about to be, without foreign files.
sources() { git ls-files --cached --others --exclude-standard -- "$@"; }

page_scripts() {
  local file status=0
  while read -r file; do
    # From standard input, because --check overlooks errors in a module called .js.
    node --check --input-type=module - <"$file" || { echo "in $file" >&2; status=1; }
  done < <(sources '*.js' '*.mjs')
  return $status
}

potfiles() {
  diff --label po/POTFILES.in --label "files with words for people" -u \
    <(grep -v '^#' po/POTFILES.in | sort) \
    <({
      sources '*.rs' ':!src/i18n.rs' | xargs -r grep -lE '(^|[^a-z_])(gettext|ngettext|pgettext|npgettext|gettext_f|ngettext_f)\('
      sources '*.ui' | xargs -r grep -l 'translatable="yes"'
      sources 'data/*.desktop' 'data/*.metainfo.xml' 'data/*.gschema.xml'
    } | sort)
}

# Debugging aids, merge marks, and paths that exist on this machine only.
left_overs() {
  local files
  mapfile -t files < <(sources ':!LICENSE' ':!tools/check.sh' ':!*.lock' ':!*package-lock.json')
  ! { grep -nIE '\b(dbg|todo|unimplemented)!\(|^(<<<<<<<|>>>>>>>) ' "${files[@]}"
    grep -nIF -e "$repo/" -e "$HOME/" "${files[@]}"; } | grep .
}

desktop_file() {
  local words
  words=$(desktop-file-validate data/*.desktop 2>&1)
  [ -z "$words" ] || { echo "$words"; return 1; }
}

# Debian has no cargo-deny: it is built once, unoptimised, which takes a minute.
cargo_deny() {
  local version=0.20.2 place
  place=${XDG_CACHE_HOME:-$HOME/.cache}/heliograph/cargo-deny-$version
  if [ ! -x "$place/bin/cargo-deny" ]; then
    CARGO_TARGET_DIR=$place/target cargo install --quiet --locked --debug --root "$place" "cargo-deny@$version" ||
      return 1
    rm -rf "$place/target"
  fi
  # At a lower level the warnings about doubled crates hide what matters.
  "$place/bin/cargo-deny" --log-level error check --hide-inclusion-graph licenses bans sources
}

main "$@"
