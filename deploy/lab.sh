#!/bin/bash
# ./starling lab: a cluster of hosts on this one machine, for trying, testing and measuring. Usage: see usage() below.
set -uo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
# shellcheck source=lib/output.sh
. "$ROOT_DIR/deploy/lib/output.sh"
# shellcheck source=lib/prerequisites.sh
. "$ROOT_DIR/deploy/lib/prerequisites.sh"
# shellcheck source=lib/hosts.sh
. "$ROOT_DIR/deploy/lib/hosts.sh"

usage() {
    cat <<'TEXT'
usage: ./starling lab COMMAND

  up [--nodes N] [--managers M]   start N hosts (default 3) and form a cluster of them; the first M (default: all) are managers
  status                          hosts, links, agents, and what the cluster says
  kill nK [--agent]               cut the power of a host; with --agent, kill its agent alone
  start nK                        switch it on again, or start its agent again, with the same data
  cut nK | heal nK                pull the network cable of a host | plug it in
  exec nK -- CMD [ARG...]         run a command on a host
  image load NAME [FILE]          docker load FILE on every node; without FILE busybox is made from busybox-static
  down                            end and remove everything

Hosts: n1, n2, ... at 10.88.0.11, .12, ...   API: docker -H unix:///run/starling-lab/nK/docker.sock
Data: /var/lib/starling-lab/nK               Logs: /var/log/starling-lab/nK.log
TEXT
}

# One command that changes the lab at a time. The lock is the directory /run itself, so that no file is left behind.
lock() {
    exec 9</run
    flock --exclusive --nonblock 9 || die "another './starling lab' or './starling demo' command is at work; wait for it to end"
}

load_lab() {
    [[ -f $LAB_FILE ]] || die "there is no lab; start one: ./starling lab up --nodes 5 --managers 3"
    # shellcheck disable=SC1090
    . "$LAB_FILE"
}

require_node() {
    [[ ${1:-} =~ ^n[1-9][0-9]{0,2}$ ]] && ((${1#n} <= NODES)) || die "'${1:-}' is no node of this lab; it has n1 to n$NODES"
}

number_option() {
    [[ ${2:-} =~ ^[1-9][0-9]{0,3}$ ]] && (($2 <= $3)) || die "$1 needs a number from 1 to $3, got '${2:-}'"
}

up() {
    local nodes=3 managers=''
    while (($#)); do
        case $1 in
            --nodes) number_option "$1" "${2:-}" "$MAX_NODES"; nodes=$2; shift 2 ;;
            --managers) number_option "$1" "${2:-}" "$MAX_NODES"; managers=$2; shift 2 ;;
            *) die "'lab up' knows --nodes and --managers, not '$1'" ;;
        esac
    done
    managers=${managers:-$nodes}
    ((managers <= nodes)) || die "--managers $managers is more than --nodes $nodes"
    [[ ! -f $LAB_FILE ]] || { load_lab; die "a lab of $NODES nodes is up already; remove it first: ./starling lab down"; }
    [[ -z $(known_hosts) ]] && ! netns_exists "$SWITCH" || die "an earlier lab has left something behind; remove it first: ./starling lab down"

    local started
    started=$(now_millis)
    mkdir -p "$RUN_DIR" "$DATA_DIR" "$LOG_DIR"
    printf 'NODES=%d\nMANAGERS=%d\n' "$nodes" "$managers" >"$LAB_FILE"
    load_lab
    step "starting $NODES hosts, $MANAGERS of them managers"
    switch_up
    local node
    for node in $(node_names); do
        boot "$node"
        start_agent "$node"
    done
    form_cluster
    step "the cluster of $NODES nodes is ready after $(seconds $(($(now_millis) - started)))"
}

# With the stock CLI, as an operator would: one init, then a join with the token of its role on each other node.
form_cluster() {
    local manager_token worker_token node token
    api_answers_within 60 n1
    run_docker n1 swarm init --advertise-addr "$(address_of n1)"
    manager_token=$(docker_on n1 swarm join-token -q manager) || die "n1 gives no manager token: $manager_token"
    worker_token=$(docker_on n1 swarm join-token -q worker) || die "n1 gives no worker token: $worker_token"
    for node in $(node_names | tail -n +2); do
        api_answers_within 60 "$node"
        token=$worker_token
        ((${node#n} > MANAGERS)) || token=$manager_token
        run_docker "$node" swarm join --token "$token" --advertise-addr "$(address_of "$node")" "$(address_of n1):2377"
    done
    for node in $(node_names | head -n "$MANAGERS"); do
        wait_until $((30 + NODES)) sees_all_ready "$node" \
            || die "$node does not see $NODES ready nodes, but: $(docker_on "$node" node ls 2>&1); logs: $LOG_DIR"
    done
}

run_docker() {
    local node=$1 output
    output=$(docker_on "$@" 2>&1) || die "docker ${*:2} failed on $node: $output; its log: $(log_of "$node")"
}

# Does not wait for an agent that has ended already.
api_answers_within() {
    local limit=$1 node=$2 what="has no API after $1 s"
    wait_until "$limit" api_answers_or_agent_ended "$node"
    ! docker_answers "$node" || return 0
    ! agent_is_gone "$node" || what="started its agent, which ended"
    die "$node $what; $(log_of "$node") ends with: $(tail -n 5 "$(log_of "$node")")"
}

docker_answers() { DOCKER_LIMIT=5 docker_on "$1" version --format '{{.Server.Version}}' >/dev/null 2>&1; }
api_answers_or_agent_ended() { docker_answers "$1" || agent_is_gone "$1"; }

ready_nodes() { docker_on "$1" node ls --format '{{.Status}}' 2>/dev/null | grep -c '^Ready'; }
sees_all_ready() { (($(ready_nodes "$1") == NODES)); }

status() {
    local node host link agent pid memory
    printf '%s%-6s %-12s %-6s %-5s %-8s %-9s %s%s\n' "$BOLD" NODE ADDRESS HOST LINK AGENT MEMORY SOCKET "$RESET"
    for node in $(node_names); do
        host=off link=- agent=- memory=-
        if host_is_up "$node"; then
            host=on link=cut agent=none
            ! link_is_up "$node" || link=up
            if pid=$(agent_of "$node"); then
                agent=runs
                memory=$(in_host "$node" awk '/^VmRSS/ {printf "%d MiB", $2 / 1024}' "/proc/$pid/status")
            fi
        fi
        printf '%-6s %-12s %-6s %-5s %-8s %-9s %s\n' "$node" "$(address_of "$node")" "$host" "$link" "$agent" "$memory" "$(socket_of "$node")"
    done
    local witness
    if witness=$(first_answering); then
        say ''
        say "${BOLD}docker -H unix://$(socket_of "$witness") node ls${RESET}"
        docker_on "$witness" node ls
        say ''
        say "${BOLD}docker -H unix://$(socket_of "$witness") service ls${RESET}"
        docker_on "$witness" service ls
    else
        say 'no manager answers'
    fi
}

first_answering() {
    local node
    for node in $(node_names | head -n "$MANAGERS"); do
        if agent_of "$node" >/dev/null && docker_answers "$node"; then
            printf '%s' "$node"
            return 0
        fi
    done
    return 1
}

link_is_up() { [[ $(ip -n "$SWITCH" -o link show "$1" 2>/dev/null) == *[\<,]UP[,\>]* ]]; }

kill_node() {
    require_node "${1:-}"
    case ${2:-} in
        --agent) kill_agent "$1"; say "$1: the agent is killed; its containers run on" ;;
        '') host_is_up "$1" || die "$1 is switched off already"
            power_off "$1"
            say "$1: power cut" ;;
        *) die "'lab kill' knows --agent, not '$2'" ;;
    esac
}

start_node() {
    require_node "${1:-}"
    require_java
    require_jar
    if ! host_is_up "$1"; then
        boot "$1"
        start_agent "$1"
    elif agent_is_gone "$1"; then
        start_agent "$1"
    else
        die "$1 runs already"
    fi
    api_answers_within 60 "$1"
    say "$1: its agent answers"
}

set_link() {
    require_node "${1:-}"
    host_is_up "$1" || die "$1 is switched off: ./starling lab start $1"
    ip -n "$SWITCH" link set "$1" "$2" || die "the link of $1 could not be set $2"
}

exec_in() {
    require_node "${1:-}"
    local node=$1
    shift
    [[ ${1:-} != -- ]] || shift
    (($#)) || die "what should run on $node? ./starling lab exec $node -- CMD"
    in_host "$node" "$@"
}

image_load() {
    local name=${1:-} file=${2:-} node output failed=0
    [[ -n $name ]] || die "which image? ./starling lab image load NAME [FILE]"
    [[ $name == *:* ]] || name+=:latest
    if [[ -z $file ]]; then
        [[ $name == busybox:latest ]] || die "without a FILE only busybox:latest can be made; for $name: docker save $name -o FILE"
        file=$RUN_DIR/busybox.tar
        [[ -f $file ]] || build_busybox "$file"
    fi
    [[ -r $file ]] || die "$file cannot be read"
    for node in $(node_names); do
        if ! agent_of "$node" >/dev/null; then
            problem "$node: no agent runs, so it does not get $name"
            failed=1
        elif ! output=$(DOCKER_LIMIT=120 docker_on "$node" load -i "$file" 2>&1); then
            problem "$node: $output"
            failed=1
        elif [[ $output != *"Loaded image: $name"* ]]; then
            problem "$node: the file does not hold $name: $output"
            failed=1
        fi
    done
    ((failed == 0)) || exit 1
    say "$name is on all $NODES nodes"
}

build_busybox() {
    require_java
    borrow busybox bin/busybox busybox-static
    "$JAVA" "@$ROOT_DIR/deploy/jvm.options" -jar "$JAR" image build-busybox --busybox "$(static_busybox)" --output "$1" \
        || { rm -f "$1"; die "the busybox image could not be made"; }
}

main() {
    local command=${1:-}
    (($# == 0)) || shift
    case $command in
        up) require_lab 'lab up'; lock; up "$@"; next_commands ;;
        down) require_root 'lab down'; lock; remove_all; say 'the lab is removed' ;;
        kill) require_root 'lab kill'; lock; load_lab; kill_node "$@" ;;
        start) require_root 'lab start'; lock; load_lab; start_node "$@" ;;
        cut) require_root 'lab cut'; lock; load_lab; set_link "${1:-}" down; say "$1: the cable is pulled" ;;
        heal) require_root 'lab heal'; lock; load_lab; set_link "${1:-}" up; say "$1: the cable is plugged in" ;;
        status) require_root 'lab status'; load_lab; status ;;
        exec) require_root 'lab exec'; load_lab; exec_in "$@" ;;
        image)
            require_root 'lab image'
            [[ ${1:-} == load ]] || die "'lab image' knows load, not '${1:-}'"
            shift
            load_lab
            image_load "$@" ;;
        ''|help|-h|--help) usage ;;
        *) usage >&2; die "'lab' has no command '$command'" ;;
    esac
}

next_commands() {
    cat <<TEXT

Go on with
  ./starling lab status
  ./starling lab image load busybox:latest
  export DOCKER_HOST=unix://$(socket_of n1)
  docker node ls
  docker service create --name sleeper --replicas 10 busybox sleep 100000
  docker service ps sleeper
  ./starling lab kill n$NODES
  ./starling lab down
TEXT
}

# demo.sh and the tests use these functions too.
[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
