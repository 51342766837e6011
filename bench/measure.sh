# What the benchmarks share: a lab of five nodes, medians, and what Docker Swarm took on the machine where it was measured.
# Sourced. A lab that is up is used as it is and left up; otherwise one is made for the time of the benchmark.
# shellcheck shell=bash
set -uo pipefail
# shellcheck source=../deploy/lab.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../deploy/lab.sh"

BENCH_NODES=5 BENCH_MANAGERS=3 REPLICAS=50

# Docker Swarm 20.10.24, 5 nodes as network namespaces on 2 shared cores, 3 managers; medians, in milliseconds.
SWARM_CREATE_50=8000 SWARM_DOWN=11800 SWARM_MOVED=19000

# parse_runs DEFAULT ARGS...: sets RUNS from --runs N.
parse_runs() {
    RUNS=$1
    shift
    while (($#)); do
        case $1 in
            --runs) number_option "$1" "${2:-}" 1000; RUNS=$2; shift 2 ;;
            *) die "$(basename "$0") knows --runs, not '$1'" ;;
        esac
    done
}

bench_lab() {
    require_lab 'lab up'
    if [[ -f $LAB_FILE ]]; then
        load_lab
        ((NODES == BENCH_NODES)) || die "the lab that is up has $NODES nodes; this is measured with $BENCH_NODES"
    else
        trap 'trap "" INT TERM; remove_all' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        up --nodes $BENCH_NODES --managers $BENCH_MANAGERS
    fi
    image_load busybox:latest
}

# on_nodes SERVICE NODE-TO-LEAVE-OUT: how many tasks run elsewhere, as n1 sees it.
on_nodes() {
    docker_on n1 service ps "$1" --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' 2>/dev/null \
        | awk -v out="$2" '$2 == "Running" && $1 != out {n++} END {print n + 0}'
}
all_run() { (($(on_nodes "$1" "${2:-}") == REPLICAS)); }

create_service() {
    run_docker n1 service create --detach --name bench --replicas $REPLICAS busybox sleep 100000
}

remove_service() {
    run_docker n1 service rm bench
    wait_until 60 no_containers || die "containers of the removed service are still there after 60 s"
}
no_containers() {
    local node
    for node in $(node_names); do
        ! host_is_up "$node" || [[ -z $(docker_on "$node" ps -q 2>/dev/null) ]] || return 1
    done
}

# median NUMBER...: of an even count the lower middle, so that it is a value that was seen.
median() { printf '%s\n' "$@" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# summary WHAT SWARM_MILLIS VALUE...
summary() {
    local what=$1 swarm=$2 middle
    shift 2
    middle=$(median "$@")
    say "$(printf '%-34s median %s  [%s - %s]  n=%d   Docker Swarm %s   ratio %s' "$what" "$(seconds "$middle")" \
        "$(seconds "$(printf '%s\n' "$@" | sort -n | head -n 1)")" "$(seconds "$(printf '%s\n' "$@" | sort -n | tail -n 1)")" "$#" \
        "$(seconds "$swarm")" "$(awk -v a="$middle" -v b="$swarm" 'BEGIN {printf "%.2f", a / b}')")"
}
