#!/bin/sh
# Makes this machine a node of a Drover fleet. The coordinator serves it:
#
#   curl -fsS https://coordinator.example:7070/install.sh | DROVER_JOIN_TOKEN=drv1.… sudo --preserve-env=DROVER_JOIN_TOKEN sh
#
# Run again it repairs or upgrades; `--uninstall` removes all that it made and nothing else; `--dry-run` only says what
# it would do. Without root it installs for the user who runs it. Without systemd a small loop keeps the agent running.

# What the coordinator that serves this script says of itself.
SERVED_COORDINATOR=''
SERVED_VERSION=''
# Of its archives: this script arrived by the coordinator's key, so what has these hashes is the coordinator's.
SERVED_SHA256SUMS=''
SERVED_CA=''

# Everything is in functions and the last line calls the first, in braces: of a download that was cut off, wherever,
# nothing is run.
main() {
  set -eu
  umask 022
  read_options "$@"
  choose_places
  if [ -n "$uninstall" ]; then
    remove_everything
    return
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  check_machine
  if [ "$problems" -gt 0 ]; then fail "$problems of the above must be mended first; nothing was changed"; fi
  fetch_release
  install_release
  write_environment
  make_job_user
  join_fleet
  start_agent
  await_online
}

usage() {
  cat <<'TEXT'
usage: install.sh [--token TOKEN | --token-file FILE] [option]...
  --coordinator URL   where the coordinator is reached; the one that served this script knows
  --token TOKEN       lets this machine join; --token-file reads it from a file, - is standard input;
                      DROVER_JOIN_TOKEN in the environment does as well
  --name NAME         what people call this node (default: the host's name)
  --site SITE         the nodes that it reaches cheaply, such as a LAN
  --dry-run           look and say, change nothing
  --uninstall         remove what was installed; --stop-jobs also stops what still runs
  --foreground        without systemd: stay, as a container's start command
  --reload            systemctl daemon-reload although containers with GPUs run
  --wait SECONDS      how long to wait until the node is online (default: 60)
TEXT
}

read_options() {
  coordinator=$SERVED_COORDINATOR
  token=${DROVER_JOIN_TOKEN:-}
  name=${DROVER_AGENT_NAME:-}
  site=${DROVER_SITE:-}
  dry_run=
  uninstall=
  stop_jobs=
  foreground=
  may_reload=
  wait_s=60
  while [ $# -gt 0 ]; do
    case $1 in
      --coordinator | --token | --token-file | --name | --site | --wait)
        [ $# -ge 2 ] || fail "$1 takes a value"
        ;;
    esac
    case $1 in
      --coordinator) coordinator=${2%/} && shift ;;
      --token) token=$2 && shift ;;
      --token-file)
        if [ "$2" = - ]; then token=$(cat); else token=$(cat "$2"); fi
        shift
        ;;
      --name) name=$2 && shift ;;
      --site) site=$2 && shift ;;
      --wait) wait_s=$2 && shift ;;
      --dry-run) dry_run=yes ;;
      --uninstall) uninstall=yes ;;
      --stop-jobs) stop_jobs=yes ;;
      --foreground) foreground=yes ;;
      --reload) may_reload=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        fail "there is no option $1"
        ;;
    esac
    shift
  done
  # They go into a file that a shell reads.
  for value in "$coordinator" "$token" "$name" "$site"; do
    case $value in *[!A-Za-z0-9._:/@+=,\[\]-]*) fail "\"$value\" has characters that no address, token or name has" ;; esac
  done
}

choose_places() {
  if [ "$(id -u)" = 0 ]; then
    is_root=yes
    prefix=/opt/drover
    settings=/etc/drover
    state=/var/lib/drover-agent
    commands=/usr/local/bin
    units=/etc/systemd/system
  else
    is_root=
    prefix=$HOME/.local/share/drover
    # Whatever XDG_CONFIG_HOME is here: the unit is read by a service manager that has another environment.
    settings=$HOME/.config/drover
    state=${XDG_STATE_HOME:-$HOME/.local/state}/drover-agent
    commands=$HOME/.local/bin
    units=$HOME/.config/systemd/user
  fi
  environment=$settings/agent.env
  # Lines of "dir PATH", "file PATH" and "user NAME", in the order in which this script made them.
  made=$prefix/made-by-install
  unit=$units/drover-agent.service
  service_manager=none
  # The documented test, sd_booted(3): that systemctl is installed says nothing.
  if [ -d /run/systemd/system ] && [ -z "$foreground" ]; then
    if [ -n "$is_root" ]; then service_manager=system; fi
    if [ -z "$is_root" ] && systemctl --user show-environment >/dev/null 2>&1; then service_manager=user; fi
  fi
  choose_state
}

choose_state() {
  distrusted=
  said_before=$(data_directory_said)
  if [ -n "$said_before" ]; then
    state=$said_before
    return
  fi
  # A container's own disk is gone when it stops; a volume stays. By pod, because several may share a volume.
  if [ "$service_manager" != none ] || ! is_mount_point /workspace || ! can_hold_state /workspace; then return; fi
  on_volume=/workspace/.drover/${RUNPOD_POD_ID:-$(uname -n)}
  distrusted=$(changeable_by_others "$on_volume")
  if [ -z "$distrusted" ]; then state=$on_volume; fi
}

# In the settings that are there, by an earlier run or by hand.
data_directory_said() {
  [ ! -f "$environment" ] || sed -n "s/^DROVER_AGENT_DATA_DIR='\{0,1\}\([^']*\)'\{0,1\}\$/\1/p" "$environment" | tail -n 1
}

# Who may rename a folder on the way may put another agent's state, with its claims and its identity, in our place.
changeable_by_others() {
  place=$1
  while [ "$place" != / ]; do
    if [ -L "$place" ]; then
      echo "$place"
      return
    fi
    if [ -e "$place" ]; then
      owner=$(stat -c %u "$place")
      mode=$(stat -c %a "$place")
      if [ "$owner" != 0 ] && [ "$owner" != "$(id -u)" ]; then echo "$place" && return; fi
      # Group or others may write, and no sticky bit keeps them from each other's entries.
      case $mode in
        [1357]???) ;;
        *[2367]? | *[2367]) echo "$place" && return ;;
      esac
    fi
    place=$(dirname "$place")
  done
}

is_mount_point() {
  awk -v path="$1" '$2 == path { found = 1 } END { exit !found }' /proc/mounts
}

# Not every network volume can do what the agent's directory needs: a pipe with a name.
can_hold_state() {
  probe=$1/.drover-probe-$$
  mkfifo "$probe" 2>/dev/null || return 1
  rm -f "$probe"
}

# --- looking -------------------------------------------------------------------------------------------------------

check_machine() {
  problems=0
  check_tools
  check_platform
  if [ -n "$coordinator" ]; then check_coordinator; else problem "no coordinator is named" "--coordinator https://…"; fi
  check_disk
  check_gpus
  check_cgroups
  check_job_user
  if [ -n "$distrusted" ]; then
    warn "others may change $distrusted, so the state is not kept on the volume but in $state" \
      "a container that is made anew is a new node; chmod go-w /workspace, or set the sticky bit, and run this again"
  fi
  case $service_manager in
    none) say "without systemd: a loop keeps the agent running$([ -n "$foreground" ] && echo ', in the foreground')" ;;
    *) say "with systemd ($service_manager)" ;;
  esac
}

check_tools() {
  if command -v curl >/dev/null; then
    fetcher=curl
  elif command -v wget >/dev/null; then
    fetcher=wget
  else
    fetcher=
    problem "there is neither curl nor wget" "install one of them, such as: apt-get install curl"
  fi
  for tool in awk gzip sha256sum tar; do
    command -v "$tool" >/dev/null || problem "there is no $tool" "install it, such as: apt-get install $tool"
  done
}

check_platform() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) target=linux-x64 ;;
    Linux-aarch64) target=linux-arm64 ;;
    *)
      target=none
      problem "there is no agent for $(uname -s) on $(uname -m)" "use a machine with Linux on x86_64 or aarch64"
      ;;
  esac
  for loader in /lib/ld-musl-*; do
    [ -e "$loader" ] && problem "this system's C library is musl" "use an image with glibc, such as Debian or Ubuntu"
  done
  return 0
}

check_coordinator() {
  [ -n "$fetcher" ] || return 0
  host=$(echo "$coordinator" | sed -e 's|^[a-z]*://||' -e 's|/.*||' -e 's|:[0-9]*$||')
  if [ -n "$SERVED_CA" ]; then
    ca=$work/ca.pem
    echo "$SERVED_CA" >"$ca"
  else
    ca=
  fi
  # First: a clock that is wrong makes certificates look expired, which says nothing of clocks.
  check_clock
  if fetch "$coordinator/healthz" >/dev/null 2>&1; then
    say "the coordinator answers at $coordinator"
    return
  fi
  case $host in
    *[!0-9.:\[\]]*)
      if command -v getent >/dev/null && ! getent hosts "$host" >/dev/null; then
        problem "the name $host is not known here" "mend DNS (/etc/resolv.conf), or name the coordinator by its address"
        return
      fi
      ;;
  esac
  proxy=${https_proxy:-${HTTPS_PROXY:-${http_proxy:-}}}
  if [ -n "$proxy" ]; then
    problem "$coordinator does not answer through the proxy $proxy" "let it through, or go past it: export no_proxy=$host"
    return
  fi
  problem "$coordinator does not answer" "look at the address, at firewalls on the way, and whether the coordinator listens on it"
}

# Asked of whoever answers: somebody else could only make us refuse.
check_clock() {
  if [ "$fetcher" = curl ]; then
    answer=$(curl -sk --connect-timeout 10 --max-time 30 -D - -o /dev/null "$coordinator/healthz") || return 0
  else
    answer=$(wget -q -S --no-check-certificate -T 10 -t 1 -O /dev/null "$coordinator/healthz" 2>&1) || return 0
  fi
  theirs=$(echo "$answer" | tr -d '\r' | sed -n 's/^ *[Dd]ate: //p' | tail -n 1)
  if [ -z "$theirs" ] || ! theirs_s=$(date -d "$theirs" +%s 2>/dev/null); then return 0; fi
  skew_s=$(($(date +%s) - theirs_s))
  if [ "$skew_s" -gt 300 ] || [ "$skew_s" -lt -300 ]; then
    problem "the clock is off by $skew_s s" "set it, such as: timedatectl set-ntp true"
  fi
}

check_disk() {
  place=$prefix
  while [ ! -d "$place" ]; do place=$(dirname "$place"); done
  free_kib=$(df -Pk "$place" | awk 'NR == 2 { print $4 }')
  if [ "$free_kib" -lt 600000 ]; then
    problem "$place has $((free_kib / 1024)) MiB free, and 600 are needed" "make room on that disk"
  fi
}

check_gpus() {
  has_nvidia=
  for device in /sys/bus/pci/devices/*; do
    if [ ! -r "$device/vendor" ] || [ ! -r "$device/class" ]; then continue; fi
    case $(cat "$device/vendor")-$(cat "$device/class") in 0x10de-0x03*) has_nvidia=yes ;; esac
  done
  if command -v nvidia-smi >/dev/null; then
    said=$(timeout 30 nvidia-smi 2>&1) && return
    case ${said:-it says nothing for 30 s} in
      *"version mismatch"*)
        problem "the NVIDIA driver's library and kernel module are of different versions" "restart the machine, or load the module anew; in a container install the host's version"
        ;;
      *) warn "nvidia-smi fails: $(echo "${said:-it says nothing}" | head -n 1)" "the node joins without these GPUs until the driver works" ;;
    esac
  elif [ -n "$has_nvidia" ]; then
    warn "there is an NVIDIA GPU and no nvidia-smi" "install the driver; the node joins without the GPU until then"
  fi
}

check_cgroups() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    grep -qw memory /sys/fs/cgroup/cgroup.controllers ||
      warn "the kernel does not limit memory by cgroup" "boot it with cgroup_enable=memory; until then jobs are not held to their memory"
  elif [ -d /sys/fs/cgroup/memory ]; then
    warn "this machine has cgroups of version 1" "limits work; version 2 (systemd.unified_cgroup_hierarchy=1) also kills a job's whole tree at once"
  else
    warn "there are no cgroups here" "jobs are not held to their memory"
  fi
}

# `systemctl daemon-reload` makes running containers lose their GPUs where the runtime uses systemd's cgroups and the
# container toolkit is old (nvidia-container-toolkit issues 48, 251, 1227). By their cgroups, whatever runs them: which
# of them have GPUs cannot be asked of every runtime, so each one counts.
gpu_containers() {
  [ -e /dev/nvidiactl ] || return 0
  cat /proc/[0-9]*/cgroup 2>/dev/null |
    grep -oE '(docker|libpod|cri-containerd|crio|nerdctl)[-/][0-9a-f]{12}|kubepods' | sort -u | tr '\n' ' '
}

check_job_user() {
  if [ -z "$is_root" ] || has_job_user; then return 0; fi
  command -v useradd >/dev/null ||
    problem "there is no useradd, and no user drover-job as whom jobs run" "install it, such as: apt-get install passwd"
}

has_job_user() {
  id drover-job >/dev/null 2>&1 || grep -q '^DROVER_JOB_USER=.' "$environment" 2>/dev/null
}

# --- doing ---------------------------------------------------------------------------------------------------------

fetch_release() {
  if [ -n "$SERVED_SHA256SUMS" ]; then
    echo "$SERVED_SHA256SUMS" >"$work/SHA256SUMS"
  else
    fetch "$coordinator/artifacts/SHA256SUMS" >"$work/SHA256SUMS" || fail "$coordinator serves no artefacts"
  fi
  # With the name and the line of the version that the coordinator is of; of several otherwise the last.
  archive=$(awk -v end="${SERVED_VERSION:+-$SERVED_VERSION}-$target.tar.gz" \
    'substr($2, length($2) - length(end) + 1) == end { name = $2 } END { print name }' "$work/SHA256SUMS")
  [ -n "$archive" ] || fail "$coordinator has no agent for $target"
  version=${archive#drover-}
  version=${version%-"$target".tar.gz}
  release=$prefix/versions/$version
  expected=$(awk -v name="$archive" '$2 == name { print $1 }' "$work/SHA256SUMS")
  if [ "$(cat "$release/SHA256" 2>/dev/null || true)" = "$expected" ] && "$release/drover-agent" --version >/dev/null 2>&1; then
    say "drover $version is here already"
    return
  fi
  say "fetching $archive"
  if [ -n "$dry_run" ]; then return; fi
  fetch "$coordinator/artifacts/$archive" >"$work/$archive" || fail "$archive could not be fetched"
  actual=$(sha256sum "$work/$archive" | awk '{ print $1 }')
  [ "$actual" = "$expected" ] || fail "$archive is damaged: its SHA-256 is $actual and should be $expected; run this again"
}

install_release() {
  if [ -n "$dry_run" ]; then
    say "would install drover $version in $prefix, with the command $commands/drover-agent"
    return
  fi
  make_directory "$prefix" 755
  make_directory "$prefix/versions" 755
  if [ -f "$work/$archive" ]; then
    # Beside its place and then renamed: one that was cut off is never taken for a whole one.
    rm -rf "$prefix/versions/incoming"
    mkdir "$prefix/versions/incoming"
    tar -xzf "$work/$archive" -C "$prefix/versions/incoming" --strip-components=1 -o
    echo "$expected" >"$prefix/versions/incoming/SHA256"
    rm -rf "$release"
    mv "$prefix/versions/incoming" "$release"
  fi
  ln -sfn "versions/$version" "$prefix/current.new"
  mv -Tf "$prefix/current.new" "$prefix/current"
  make_directory "$commands" 755
  # Its settings are those of the service.
  write_file "$commands/drover-agent" 755 <<TEXT
#!/bin/sh
set -a
[ -r '$environment' ] && . '$environment'
exec '$prefix/current/drover-agent' "\$@"
TEXT
}

write_environment() {
  if [ -n "$dry_run" ]; then
    say "would write $environment, and keep the agent's state in $state"
    return
  fi
  make_directory "$settings" 755
  if [ -f "$environment" ]; then
    # What somebody set there by hand stays.
    keep=$(grep -vE '^(DROVER_COORDINATOR|DROVER_AGENT_DATA_DIR)=' "$environment" || true)
    if [ -n "$name" ]; then keep=$(echo "$keep" | grep -v '^DROVER_AGENT_NAME=' || true); fi
    if [ -n "$site" ]; then keep=$(echo "$keep" | grep -v '^DROVER_SITE=' || true); fi
  else
    keep=
  fi
  {
    echo "DROVER_COORDINATOR='$coordinator'"
    echo "DROVER_AGENT_DATA_DIR='$state'"
    if [ -n "$name" ]; then echo "DROVER_AGENT_NAME='$name'"; fi
    if [ -n "$site" ]; then echo "DROVER_SITE='$site'"; fi
    if [ -n "$keep" ]; then echo "$keep"; fi
  } | write_file "$environment" 600
  # Given over to whoever removes this, whoever made it.
  make_directory "$state" 711
  made_line "dir $state"
}

make_job_user() {
  if [ -z "$is_root" ] || has_job_user; then return 0; fi
  if [ -n "$dry_run" ]; then
    say "would make the user drover-job, as whom jobs run"
    return
  fi
  # Without a home: an attempt gets one of its own.
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin drover-job
  made_line "user drover-job"
  # Those that may use AMD's and Intel's GPUs.
  for group in render video; do
    if getent group "$group" >/dev/null; then usermod --append --groups "$group" drover-job; fi
  done
}

join_fleet() {
  if [ -n "$dry_run" ] || [ -z "$token" ]; then return 0; fi
  unset DROVER_JOIN_TOKEN
  # Not as an argument: others see those.
  echo "$token" | "$commands/drover-agent" join --token-file - || fail "the coordinator did not let this machine join"
}

start_agent() {
  if [ -n "$dry_run" ]; then
    say "would start the agent"
    return
  fi
  case $service_manager in
    system) start_service "$release/systemd/drover-agent.service" ;;
    user) start_service "$release/systemd/drover-agent.user.service" ;;
    none) start_loop ;;
  esac
}

start_service() {
  is_new=
  [ -f "$unit" ] || is_new=yes
  if [ -n "$is_new" ] || ! cmp -s "$1" "$unit"; then
    make_directory "$units" 755
    write_file "$unit" 644 <"$1"
    if [ -z "$is_new" ]; then reload; fi
  fi
  # No reload is needed for a unit that systemd has not seen yet.
  control enable --no-reload --quiet drover-agent.service
  if [ "$service_manager" = user ]; then
    loginctl enable-linger "$(id -un)" 2>/dev/null ||
      warn "the agent ends when you log out" "an administrator can change that: loginctl enable-linger $(id -un)"
  fi
  control restart drover-agent.service || {
    control --no-pager --lines=15 status drover-agent.service >&2 || true
    fail "the agent does not start; its last lines are above"
  }
}

reload() {
  containers=$(gpu_containers)
  if [ -n "$containers" ] && [ -z "$may_reload" ]; then
    warn "the new unit file takes effect at the next systemctl daemon-reload, which could take the GPUs from these containers: $containers" \
      "run \"systemctl daemon-reload && systemctl restart drover-agent\" when they have ended, or this script with --reload"
    return
  fi
  control daemon-reload
}

control() {
  if [ "$service_manager" = user ]; then systemctl --user "$@"; else systemctl "$@"; fi
}

start_loop() {
  if [ -z "$foreground" ] && [ -e "$state/loop.is-start-command" ] && is_loop "$(loop_pid)"; then
    # With the loop the container would end: it starts what is now installed.
    kill -HUP "$(loop_pid)"
    return
  fi
  stop_loop
  make_directory "$state" 711
  rm -f "$state/loop.is-start-command"
  if [ -n "$foreground" ]; then return; fi
  setsid "$prefix/current/supervise.sh" "$environment" "$prefix/current/drover-agent" >>"$state/agent.log" 2>&1 </dev/null &
  echo $! >"$state/loop.pid"
  say "its log is $state/agent.log; to start it with the machine, let this run at start: $0 --foreground"
}

loop_pid() {
  cat "$state/loop.pid" 2>/dev/null || true
}

is_loop() {
  [ -n "$1" ] && grep -q supervise.sh "/proc/$1/cmdline" 2>/dev/null
}

stop_loop() {
  pid=$(loop_pid)
  [ -n "$pid" ] || return 0
  rm -f "$state/loop.pid"
  is_loop "$pid" || return 0
  kill "$pid" 2>/dev/null || true
  tenths=0
  while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
    if [ "$tenths" -ge 300 ]; then fail "process $pid (supervise.sh) does not end; end it, and run this again"; fi
    tenths=$((tenths + 1))
    sleep 0.1
  done
}

await_online() {
  if [ -n "$dry_run" ]; then
    say "nothing was changed"
    return
  fi
  if [ -n "$foreground" ]; then
    # What is run next is this very process.
    echo $$ >"$state/loop.pid"
    : >"$state/loop.is-start-command"
    # There will be no exit that would do it.
    rm -rf "$work"
    exec "$prefix/current/supervise.sh" "$environment" "$prefix/current/drover-agent"
  fi
  if [ -z "$wait_s" ] || [ "$wait_s" = 0 ]; then return; fi
  "$commands/drover-agent" status --wait "${wait_s}s" && return
  case $service_manager in
    system) say "it goes on trying; see: journalctl -u drover-agent" ;;
    user) say "it goes on trying; see: journalctl --user -u drover-agent" ;;
    none) say "it goes on trying; see: $state/agent.log" ;;
  esac
  exit 1
}

# --- undoing -------------------------------------------------------------------------------------------------------

remove_everything() {
  if [ ! -f "$made" ]; then fail "nothing of this script's is installed here ($made is not there)"; fi
  running=$(count_running)
  if [ "$running" -gt 0 ] && [ -z "$stop_jobs" ] && [ -z "$dry_run" ]; then
    fail "$running jobs run here; drain the node first (drover node drain NAME), or stop them with --stop-jobs"
  fi
  if [ -n "$dry_run" ]; then
    say "would stop the agent and remove:"
    sed 's/^/  /' "$made"
    return
  fi
  if [ -f "$unit" ] && [ -d /run/systemd/system ]; then
    if [ -z "$is_root" ]; then service_manager=user; fi
    control disable --no-reload --quiet drover-agent.service 2>/dev/null || true
    control stop drover-agent.service || true
  fi
  stop_loop
  # shellcheck disable=SC2046 # one word for each process
  kill $(supervisors) 2>/dev/null || true
  fifths=0
  while [ -n "$(supervisors)" ]; do
    if [ "$fifths" -ge 600 ]; then fail "jobs do not end: $(supervisors); nothing else was removed"; fi
    fifths=$((fifths + 1))
    sleep 0.2
  done
  # Last made, first removed; the list itself lies in what is removed last.
  awk '{ line[NR] = $0 } END { for (i = NR; i > 0; i--) print line[i] }' "$made" >"${made}.reversed"
  while read -r kind path; do
    case $kind in
      file) rm -f "$path" ;;
      user)
        userdel "$path" || true
        ;;
      # What others have put beside ours stays, and with it the folder.
      dir) case $path in "$prefix" | "$prefix"/* | "$state") rm -rf --one-file-system "$path" ;; *) rmdir "$path" 2>/dev/null || true ;; esac ;;
    esac
  done <"${made}.reversed"
  say "drover is removed; tell the fleet that it will not come back: drover node gone $(uname -n)"
}

# Those whose supervisor lives.
count_running() {
  count=0
  for attempt in "$state"/attempts/*; do
    pid=$(sed -n 's/^supervisorPid //p' "$attempt/claim" 2>/dev/null || true)
    if [ -n "$pid" ] && grep -q drover-supervisor "/proc/$pid/cmdline" 2>/dev/null; then count=$((count + 1)); fi
  done
  echo "$count"
}

# The process over each job; its second word is the agent's directory.
supervisors() {
  for process in /proc/[0-9]*; do
    words=$(tr '\0' '\n' <"$process/cmdline" 2>/dev/null) || continue
    case $words in
      *"/drover-supervisor
$state")
        grep -q '^State:.Z' "$process/status" 2>/dev/null || printf '%s ' "${process#/proc/}"
        ;;
    esac
  done
}

# --- words ---------------------------------------------------------------------------------------------------------

fetch() {
  if [ "$fetcher" = curl ]; then
    curl -fsS --connect-timeout 10 ${ca:+--cacert "$ca"} "$1"
  else
    wget -q -T 10 -t 1 ${ca:+--ca-certificate="$ca"} -O - "$1"
  fi
}

make_directory() {
  if [ -d "$1" ]; then return; fi
  # Its parents are ours as well, where we make them.
  parent=$(dirname "$1")
  if [ ! -d "$parent" ]; then make_directory "$parent" 755; fi
  mkdir -m "$2" "$1"
  made_line "dir $1"
}

# From standard input, whole or not at all.
write_file() {
  # Closed from its first byte on: there may be a secret in it.
  (umask 077 && cat >"$1.new")
  chmod "$2" "$1.new"
  mv -f "$1.new" "$1"
  made_line "file $1"
}

made_line() {
  # What is made before there is a place for the list lies in it or above it.
  if [ ! -d "$prefix" ]; then
    pending="${pending:-}$1
"
    return
  fi
  printf '%s' "${pending:-}" >>"$made"
  pending=
  grep -qxF "$1" "$made" 2>/dev/null || echo "$1" >>"$made"
}

say() { echo "drover: $1"; }

warn() { echo "drover: warning: $1
        $2" >&2; }

problem() {
  echo "drover: problem: $1
        to mend it: $2" >&2
  problems=$((problems + 1))
}

fail() {
  echo "drover: $1" >&2
  exit 1
}

{ main "$@"; }
