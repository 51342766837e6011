#!/bin/bash
# TCP between two containers on two hosts through an overlay network, beside TCP between the hosts themselves, in turn.
# Prints each run and the ratio of the medians. Needs iperf3. On one machine both ends and the wire share its cores, so the absolute
# numbers say little; the ratio says what the overlay costs.
# usage: bench/overlay-throughput.sh [--runs N]
# shellcheck source=measure.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/measure.sh"

SECONDS_EACH=3
SUBNET=10.77.0
command -v iperf3 >/dev/null || die "iperf3 is missing: apt-get install iperf3"

pid_on() { docker_on "$1" inspect --type container --format '{{.State.Pid}}' "$(docker_on "$1" ps -q --filter label=com.docker.swarm.service.name=ends)"; }
in_container() { in_host "$1" nsenter --target "${PID[$1]}" --net -- "${@:2}"; }

# between WHERE ADDRESS: megabits per second from n1 to n2; WHERE is in_host or in_container.
between() {
    local bits server
    "$1" n2 iperf3 --server --one-off --bind "$2" --port 5301 >/dev/null 2>&1 9>&- &
    server=$!
    wait_until 5 listens "$1" || die "iperf3 does not listen"
    bits=$("$1" n1 iperf3 --client "$2" --port 5301 --time $SECONDS_EACH --json | sed -n '/"sum_received"/,/}/s/.*"bits_per_second":[^0-9]*\([0-9]*\).*/\1/p')
    wait "$server"
    [[ $bits =~ ^[0-9]+$ ]] || die "iperf3 between $1 of n1 and $2 gave no result"
    echo $((bits / 1000000))
}
no_container() { [[ -z $(docker_on n1 ps -q)$(docker_on n2 ps -q) ]]; }
listens() { [[ -n $("$1" n2 ss -Hltn 'sport = :5301') ]]; }

median() { printf '%s\n' "$@" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

parse_runs 7 "$@"
bench_lab
docker_on n1 network create --driver overlay --subnet $SUBNET.0/24 ends >/dev/null || die "network create"
docker_on n1 service create --name ends --mode global --network ends busybox sleep 100000 >/dev/null 2>&1 || die "service create"
declare -A PID
for node in n1 n2; do PID[$node]=$(pid_on $node); done
inside=$(in_container n2 ip -o -4 address | sed -n "s/.* inet \($SUBNET\.[0-9]*\)\/.*/\1/p")
[[ -n $inside ]] || die "the container on n2 has no address in $SUBNET.0/24"
hosts=() containers=()
for ((run = 1; run <= RUNS; run++)); do
    hosts+=("$(between in_host "$(address_of n2)")")
    containers+=("$(between in_container "$inside")")
    say "run $run: hosts ${hosts[-1]} Mbit/s, containers ${containers[-1]} Mbit/s"
done
say "$(awk -v h="$(median "${hosts[@]}")" -v c="$(median "${containers[@]}")" -v n="$RUNS" \
    'BEGIN {printf "median of %d: hosts %d Mbit/s, containers %d Mbit/s: %.0f %%", n, h, c, 100 * c / h}')"
docker_on n1 service rm ends >/dev/null
wait_until 30 no_container || die "the containers do not end"
docker_on n1 network rm ends >/dev/null
