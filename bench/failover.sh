#!/bin/bash
# A node with 10 of 50 tasks loses its power: how long until another one lists it as Down, and until all 50 run elsewhere.
# usage: bench/failover.sh [--runs N]
# shellcheck source=measure.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/measure.sh"

VICTIM=n5
victim_is_down() { docker_on n1 node ls --format '{{.Hostname}} {{.Status}}' 2>/dev/null | grep -qx "$VICTIM Down"; }

parse_runs 5 "$@"
bench_lab
down=() moved=()
for ((run = 1; run <= RUNS; run++)); do
    create_service
    wait_until 120 all_run bench || die "run $run: $(on_nodes bench '') of $REPLICAS run after 120 s"
    on_victim=$((REPLICAS - $(on_nodes bench $VICTIM)))
    ((on_victim > 0)) || die "run $run: $VICTIM runs no task, so that losing it shows nothing"
    started=$(now_millis)
    power_off $VICTIM
    wait_until 60 victim_is_down || die "run $run: $VICTIM is not Down after 60 s"
    down+=($(($(now_millis) - started)))
    wait_until 120 all_run bench $VICTIM || die "run $run: $(on_nodes bench $VICTIM) of $REPLICAS run elsewhere after 120 s"
    moved+=($(($(now_millis) - started)))
    say "run $run: $on_victim tasks on $VICTIM; Down $(seconds "${down[-1]}"), all elsewhere $(seconds "${moved[-1]}")"
    remove_service
    start_node $VICTIM >/dev/null
    wait_until 60 sees_all_ready n1 || die "run $run: $VICTIM is not back after 60 s"
    sleep 2 # a node that came back listens before it takes tasks again
done
summary "killed node -> Down" $SWARM_DOWN "${down[@]}"
summary "killed node -> all $REPLICAS elsewhere" $SWARM_MOVED "${moved[@]}"
