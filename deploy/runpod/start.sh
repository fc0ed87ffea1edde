#!/bin/sh
# The start command of a container that is a node. It fetches the agent from the coordinator and stays with it.
#   DROVER_COORDINATOR   such as https://coordinator.example:7070
#   DROVER_JOIN_TOKEN    from `drover invite`
#   DROVER_PIN           the coordinator's key, as `drover invite` prints it; without it the machine must trust it
set -eu

main() {
  script=$(mktemp)
  pause_s=1
  until fetch "$DROVER_COORDINATOR/install.sh" >"$script"; do
    echo "drover: $DROVER_COORDINATOR does not answer; tried again in $pause_s s" >&2
    sleep "$pause_s"
    pause_s=$((pause_s < 60 ? pause_s * 2 : 60))
  done
  exec sh "$script" --foreground
}

fetch() {
  if [ -n "${DROVER_PIN:-}" ]; then
    curl -fsSk --connect-timeout 10 --pinnedpubkey "sha256//$DROVER_PIN" "$1"
  else
    curl -fsS --connect-timeout 10 "$1"
  fi
}

{ main "$@"; }
