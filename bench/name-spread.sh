#!/bin/bash
# How long after a container's start its service's name leads to it on all five nodes, and how long before its stop signal it no longer
# does. The container and those that ask read the same clock of the machine (/proc/uptime, 10 ms). What asks is a busy loop on each
# node, so on few cores the numbers are upper bounds.
# usage: bench/name-spread.sh [--runs N]
# shellcheck source=measure.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/measure.sh"

pid_on() { docker_on "$1" inspect --type container --format '{{.State.Pid}}' "$(docker_on "$1" ps -q --filter label=com.docker.swarm.service.name=asker)"; }

# ask NODE: writes the time at which tasks.late first has an address, and the time at which it has none again.
ask() {
    in_host "$1" unshare --mount bash -c '
        cat "/proc/$1/root/etc/resolv.conf" >/run/resolv.$1 && mount --bind /run/resolv.$1 /etc/resolv.conf
        exec nsenter --target "$1" --net -- bash -c "
            known() { getent ahostsv4 tasks.late >/dev/null; }
            until known; do [[ -e $2.stop ]] && exit; sleep 0.005; done; read -r now rest </proc/uptime; echo \$now >$2.known
            while known; do [[ -e $2.stop ]] && exit; sleep 0.005; done; read -r now rest </proc/uptime; echo \$now >$2.gone"' asking "${PID[$1]}" "$RUN_DIR/asked-$1" 9>&-
}
all_wrote() { local node; for node in $(node_names); do [[ -s $RUN_DIR/asked-$node.$1 ]] || return 1; done; }
last_of() { cat "$RUN_DIR"/asked-n*."$1" | sort -n | tail -n 1; }
said() { docker_on n1 service logs --raw late 2>/dev/null | sed -n "s/^$1 //p" | head -n 1; }
has_said() { SAID=$(said "$1"); [[ -n $SAID ]]; }
none_left() { [[ -z $(for node in $(node_names); do docker_on "$node" ps -q --filter "label=com.docker.swarm.service.name=$1"; done) ]]; }
millis_between() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%d", (b - a) * 1000}'; }

parse_runs 5 "$@"
bench_lab
docker_on n1 network create --driver overlay names >/dev/null || die "network create"
docker_on n1 service create --name asker --mode global --network names busybox sleep 100000 >/dev/null 2>&1 || die "service create"
declare -A PID
for node in $(node_names); do PID[$node]=$(pid_on "$node"); done
known=() gone=()
for ((run = 1; run <= RUNS; run++)); do
    rm -f "$RUN_DIR"/asked-*
    asking=()
    for node in $(node_names); do ask "$node" & asking+=($!); done
    # shellcheck disable=SC2016
    docker_on n1 service create --detach --name late --network names --stop-grace-period 10s busybox \
        sh -c 'trap "echo signalled \$(cut -d \" \" -f 1 /proc/uptime); sleep 1; exit 0" TERM; echo started $(cut -d " " -f 1 /proc/uptime); while :; do sleep 0.01; done' \
        >/dev/null 2>&1 || die "service create"
    wait_until 20 all_wrote known || die "run $run: the name is not known on all nodes after 20 s: $(ls "$RUN_DIR"/asked-* 2>&1)"
    wait_until 10 has_said started || die "run $run: no log"
    started=$SAID
    docker_on n1 service scale --detach late=0 >/dev/null || die "service scale"
    wait_until 10 has_said signalled || die "run $run: the task got no signal"
    signalled=$SAID
    wait_until 20 all_wrote gone || die "run $run: the name is still known"
    wait "${asking[@]}"
    known+=("$(millis_between "$started" "$(last_of known)")")
    gone+=("$(millis_between "$(last_of gone)" "$signalled")")
    say "run $run: known on all $NODES nodes ${known[-1]} ms after the start, gone on all ${gone[-1]} ms before the stop signal"
    docker_on n1 service rm late >/dev/null
    wait_until 20 none_left late || die "the container does not end"
done
median() { printf '%s\n' "$@" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
say "median of $RUNS: known after $(median "${known[@]}") ms, gone $(median "${gone[@]}") ms before the signal"
docker_on n1 service rm asker >/dev/null
wait_until 20 none_left asker
docker_on n1 network rm names >/dev/null
