#!/bin/bash
# How long until 50 tasks run on 5 nodes, from the start of `docker service create` to the last one seen running by the CLI.
# usage: bench/create50.sh [--runs N]
# shellcheck source=measure.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/measure.sh"

parse_runs 5 "$@"
bench_lab
took=()
for ((run = 1; run <= RUNS; run++)); do
    started=$(now_millis)
    create_service
    wait_until 120 all_run bench || die "run $run: $(on_nodes bench '') of $REPLICAS run after 120 s"
    took+=($(($(now_millis) - started)))
    say "run $run: $(seconds "${took[-1]}")"
    remove_service
done
summary "create $REPLICAS -> all running" $SWARM_CREATE_50 "${took[@]}"
