# shellcheck shell=bash
# How the tools speak: everything on standard error, so standard output stays
# the program's own.

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { printf '\033[1;31mdev:\033[0m %s\n' "$*" >&2; }
die() { fail "$*"; exit 1; }
