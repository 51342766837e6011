#!/bin/bash
# What an agent writes to its disk: on nodes where nothing happens, and on one whose task ends again and again. Takes the
# lab for about three minutes.
#
#   bench/disk-writes.sh [SECONDS]     how long each is looked at, 60 by default
set -uo pipefail
# shellcheck source=../deploy/lab.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../deploy/lab.sh"

PERIOD=${1:-60}
[[ $PERIOD =~ ^[1-9][0-9]*$ ]] || die "'$PERIOD' is no number of seconds"

metric() { in_host "$1" curl -sS --max-time 10 http://127.0.0.1:9323/metrics | awk -v name="$2" '$1 ~ "^" name "({|$)" {print int($2)}'; }
written() { in_host "$1" awk '/^write_bytes/ {print $2}' "/proc/$(agent_of "$1")/io"; }

# over_a_period NODE...: bytes and transactions of each in that time.
over_a_period() {
    local node
    local -A bytes transactions
    for node in "$@"; do bytes[$node]=$(written "$node") transactions[$node]=$(metric "$node" starling_disk_writes_seconds_count); done
    sleep "$PERIOD"
    for node in "$@"; do
        printf '  %s: %d bytes and %d transactions in %d s: %d MB a day\n' "$node" $(($(written "$node") - bytes[$node])) \
            $(($(metric "$node" starling_disk_writes_seconds_count) - ${transactions[$node]:-0})) "$PERIOD" \
            $((($(written "$node") - bytes[$node]) * 86400 / PERIOD / 1000000))
    done
}

NODES=3
require_lab 'bench'
[[ ! -f $LAB_FILE && -z $(known_hosts) ]] || die "a lab is up: ./starling lab down"
trap 'remove_all' EXIT
bash "$ROOT_DIR/deploy/lab.sh" up --nodes $NODES >/dev/null || die "the lab did not come up"
bash "$ROOT_DIR/deploy/lab.sh" image load busybox:latest >/dev/null || die "no image"
docker_on n1 service create --name calm --replicas 9 busybox sleep 100000 >/dev/null || die "create"
sleep 15 # what was gathered while they started is written by then
say "nothing happens, 3 tasks a node:"
over_a_period n1 n2 n3
docker_on n1 service create --detach --name crash --constraint node.hostname==n2 busybox sh -c 'exit 1' >/dev/null || die "create"
sleep 15
say "a task of n2 ends at once, is started again after the default 5 s, and so on:"
over_a_period n1 n2
