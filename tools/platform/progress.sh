# shellcheck shell=bash
# Long steps: that they live, and what they said last when they fail.

# watched CMD…: runs CMD with its output in a log; shows that it lives, and the
# end of the log when it fails. Returns CMD's status.
watched() {
  mkdir -p "$cache"
  "$@" 2>&1 | tee "$cache/install.log" | show_progress && return 0
  tail -n 20 "$cache/install.log" | sed 's/^/    /' >&2
  fail "these are the last lines of $cache/install.log"
  return 1
}

# One line that moves on a terminal; elsewhere (a CI log) a line every 15 seconds.
show_progress() {
  local line='' text='' started=$SECONDS shown=$SECONDS status
  while true; do
    status=0
    IFS= read -r -t 1 line || status=$?
    [ -z "$line" ] || text=$line
    # Above 128 nothing came in time, which is news too: the clock moves.
    [ "$status" -eq 0 ] || [ "$status" -gt 128 ] || break
    if [ -t 2 ]; then
      printf '\r\033[K    %3d s  %.64s' $((SECONDS - started)) "$text" >&2
    elif [ $((SECONDS - shown)) -ge 15 ]; then
      printf '    %3d s  %.64s\n' $((SECONDS - started)) "$text" >&2
      shown=$SECONDS
    fi
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
}
