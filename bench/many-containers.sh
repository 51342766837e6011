#!/bin/bash
# The memory of an agent (RSS) on a node that runs 200 containers, beside what it has with none. Docker has a shim of 12.8 MiB for each container besides.
# usage: bench/many-containers.sh [--runs N]
# shellcheck source=measure.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/measure.sh"

NODE=n2 REPLICAS=200 DOCKER_SHIM_KIB=13107
agent_kib() { in_host $NODE awk '/^VmRSS/ {print $2}' "/proc/$(agent_of $NODE)/status"; }
mebibytes() { awk -v kib="$1" 'BEGIN {printf "%d MiB", kib / 1024}'; }

parse_runs 1 "$@"
bench_lab
with=()
for ((run = 1; run <= RUNS; run++)); do
    before=$(agent_kib)
    started=$(now_millis)
    run_docker n1 service create --detach --name bench --replicas $REPLICAS --constraint node.hostname==$NODE busybox sleep 100000
    wait_until 300 all_run bench || die "run $run: $(on_nodes bench '') of $REPLICAS run after 300 s"
    took=$(($(now_millis) - started))
    sleep 20 # what starting them has left behind is gone, or stays
    with+=("$(agent_kib)")
    say "run $run: $REPLICAS containers on $NODE after $(seconds $took); the agent has $(mebibytes "${with[-1]}"), with none it had $(mebibytes "$before")"
    remove_service
done
middle=$(median "${with[@]}")
say "agent with $REPLICAS containers: median $(mebibytes "$middle") n=$RUNS; a shim for each would be $(mebibytes $((REPLICAS * DOCKER_SHIM_KIB))) more"
