#!/usr/bin/env bash
# Has each reader of messages whose name contains TARGET read, for SECONDS, what nobody should send.
# Called by `./dev fuzz`.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/say.sh

seconds=${1:-60} target=${2:-}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "'$seconds' is no number of seconds. Usage: ./dev fuzz [SECONDS] [TARGET]"
say "building the targets"
mapfile -t names < <(cargo test --quiet --lib -- --list | sed -n 's/: test$//p' | grep -F fuzz:: | grep -F -- "$target")
[ ${#names[@]} -gt 0 ] || die "no target contains '$target'"
HELIOGRAPH_FUZZ_SECONDS=$seconds cargo test --lib -- --exact "${names[@]}"
