#!/bin/sh
# Keeps the agent running where there is no systemd: as a container's start command, or in the background.
#
#   supervise.sh ENVIRONMENT_FILE AGENT
#
# Starts it again whenever it ends, at once and then later and later up to a minute; one that ran for a minute begins
# at once again. TERM and INT end it and the agent, and nothing else: jobs live under supervisors of their own. As
# process 1 of a container it also takes in what others leave behind. HUP starts the agent anew.
set -u

main() {
  environment=$1
  agent=$2
  child=
  stopping=
  trap stop TERM INT
  trap restart HUP
  pause_s=1
  while [ -z "$stopping" ]; do
    started_s=$(date +%s)
    (
      trap - TERM INT HUP
      set -a
      # shellcheck source=/dev/null
      . "$environment"
      exec "$agent"
    ) &
    child=$!
    await
    [ -n "$stopping" ] && break
    if [ $(($(date +%s) - started_s)) -ge 60 ]; then pause_s=1; fi
    echo "drover: the agent ended with exit code $code; it is started again in $pause_s s" >&2
    sleep "$pause_s" &
    child=$!
    await
    pause_s=$((pause_s * 2))
    if [ "$pause_s" -gt 60 ]; then pause_s=60; fi
  done
  exit 0
}

# shellcheck disable=SC2317 # by the trap
stop() {
  stopping=yes
  [ -n "$child" ] && kill "$child" 2>/dev/null
}

# shellcheck disable=SC2317 # by the trap
restart() {
  [ -n "$child" ] && kill "$child" 2>/dev/null
}

# A signal ends `wait` before the child has ended.
await() {
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || return 0
  done
}

{ main "$@"; }
