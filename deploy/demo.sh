#!/bin/bash
# ./starling demo: the main job in under a minute. Three hosts, a network, a service that survives the loss of one of them.
# Leaves nothing behind, however it ends. On a terminal it stays up at the end until Enter or Ctrl-C.
set -uo pipefail
# shellcheck source=lab.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lab.sh"

WEB_REPLICAS=6
WITNESS=n1 # the node whose API is asked; it is not the one that gets killed
PAGE_PORT=8080

# What each container of `web` runs: a page that says which container it comes from.
WEB_COMMAND="mkdir -p /www && echo \"greetings from container \$(hostname)\" >/www/index.html && exec httpd -f -p $PAGE_PORT -h /www"
# What the client runs: asks DNS who `web` is, and each of them for its page. With nslookup and nc, since the wget of Debian's static
# busybox needs glibc's shared resolver libraries, which this image has not.
CLIENT_COMMAND="while true; do for server in \$(nslookup web | sed -n '3,\$s/^Address: *//p'); do"
CLIENT_COMMAND+=" printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 \$server $PAGE_PORT | tail -n 1; done; sleep 0.5; done"

main_demo() {
    (($# == 0)) || die "'demo' takes no arguments, got '$*'"
    require_lab demo
    lock
    [[ ! -f $LAB_FILE && -z $(known_hosts) ]] || die "a lab is up on this machine; remove it first: ./starling lab down"
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap clean_up EXIT

    up --nodes 3
    note "each is a JVM with its own network namespace, processes, address and data directory; none of them leads"
    image_load busybox:latest >/dev/null || exit 1

    step "an overlay network, $WEB_REPLICAS web servers and a client, by the docker CLI"
    docker_says network create --driver overlay meadow
    docker_says service create --detach --name web --network meadow --replicas "$WEB_REPLICAS" busybox sh -c "$WEB_COMMAND"
    docker_says service create --detach --name client --network meadow busybox sh -c "$CLIENT_COMMAND"
    show_until 60 everything_runs || die "not everything runs after 60 s: $(docker_on $WITNESS service ps --no-trunc web client 2>&1)"

    step "a page from another host, through the overlay and by the service's name"
    wait_until 30 page_from_another_host || die "the client got no page from another host: $(docker_on $WITNESS service logs client 2>&1 | tail -n 3)"
    say "    client on $CLIENT_NODE: GET http://web:$PAGE_PORT/  ->  \"$PAGE\", a container on $PAGE_NODE"

    survive_a_power_cut
    farewell
}

clean_up() {
    trap '' INT TERM
    step "removing everything"
    remove_all
}

docker_says() {
    local output
    printf '    %s$ docker' "$DIM"
    printf ' %q' "$@" | sed 's/ sh -c .*/ sh -c .../'
    printf '%s\n' "$RESET"
    output=$(docker_on $WITNESS "$@" 2>&1) || die "docker $1 $2 failed: $output"
}

# Reads what the witness knows: NODE_STATES "node state" and TASKS "name node state", a line each.
look() {
    NODE_STATES=$(docker_on $WITNESS node ls --format '{{.Hostname}} {{.Status}}' 2>/dev/null | sort -V)
    TASKS=$(docker_on $WITNESS service ps web client --filter desired-state=running \
        --format '{{.Name}} {{or .Node "-"}} {{.CurrentState}}' 2>/dev/null | awk '{print $1, $2, $3}' | sort -V)
}

table() {
    awk -v bold="$BOLD" -v dim="$DIM" -v green="$GREEN" -v red="$RED" -v reset="$RESET" '
        NR == FNR { if (NF) { order[++count] = $1; state[$1] = $2 } next }
        NF { where = ($2 in state) ? $2 : "-"
             shown[where] = shown[where] " " ($3 == "Running" ? $1 : dim $1 "(" tolower($3) ")" reset) }
        END { printf "    %s%-6s %-7s %s%s\n", bold, "NODE", "STATE", "TASKS", reset
              for (i = 1; i <= count; i++) {
                  node = order[i]
                  printf "    %-6s %s%-7s%s%s\n", node, state[node] == "Ready" ? green : red, state[node], reset,
                      state[node] == "Ready" ? shown[node] : " " dim "-" reset }
              if ("-" in shown) printf "    %-6s %-7s%s\n", "", "", shown["-"] }' <(say "$NODE_STATES") <(say "$TASKS")
}

# show_until LIMIT_SECONDS CONDITION: a table that is redrawn in place on a terminal, and printed at each change elsewhere.
show_until() {
    local deadline=$(($(now_millis) + $1 * 1000)) condition=$2 previous='' current
    while true; do
        look
        current=$(table)
        if [[ $current != "$previous" ]]; then
            [[ -z $previous ]] || { [[ -t 1 ]] && printf '\e[%dA\e[J' "$(wc -l <<<"$previous")"; }
            say "$current"
            previous=$current
        fi
        ! "$condition" || return 0
        (($(now_millis) < deadline)) || return 1
        sleep 0.2
    done
}

# Tasks count that run on a node which is Ready.
running_tasks() {
    awk 'NR == FNR { if ($2 == "Ready") ready[$1]; next } $3 == "Running" && ($2 in ready) { print $1 }' \
        <(say "$NODE_STATES") <(say "$TASKS")
}

everything_runs() {
    local running
    running=$(running_tasks)
    (($(grep -c '^web\.' <<<"$running") == WEB_REPLICAS && $(grep -c '^client\.' <<<"$running") == 1))
}

# Finds a line of the client's log that came from a container on a node that is not the client's own.
page_from_another_host() {
    local node id
    CLIENT_NODE=$(awk '$1 ~ /^client\./ {print $2}' <<<"$TASKS")
    for node in $(node_names); do
        [[ $node != "$CLIENT_NODE" ]] || continue
        for id in $(docker_on "$node" ps --format '{{.ID}}' 2>/dev/null); do
            PAGE=$(docker_on $WITNESS service logs --raw client 2>/dev/null | grep -m 1 "container ${id:0:12}") || continue
            PAGE_NODE=$node
            return 0
        done
    done
    return 1
}

survive_a_power_cut() {
    local victim=n3 started down_after
    step "cutting the power of $victim, without warning"
    started=$(now_millis)
    power_off "$victim"
    show_until 30 is_down_and_healed || die "the tasks of $victim are not running elsewhere after 30 s: $(docker_on $WITNESS service ps web client 2>&1)"
    down_after=${DOWN_AT:-$(now_millis)}
    say "    $victim is known to be down after ${BOLD}$(seconds $((down_after - started)))${RESET};" \
        "all $((WEB_REPLICAS + 1)) tasks run on the others after ${BOLD}$(seconds $(($(now_millis) - started)))${RESET}"
    note "for comparison: Docker Swarm took 11.8 s and 19.0 s on a 2-core machine, with 5 nodes and 50 tasks"
}

is_down_and_healed() {
    [[ $NODE_STATES == *"n3 Down"* ]] || return 1
    DOWN_AT=${DOWN_AT:-$(now_millis)}
    everything_runs
}

farewell() {
    cat <<TEXT

Go on by hand:
  ./starling lab up --nodes 5 --managers 3 && ./starling lab image load busybox:latest
  export DOCKER_HOST=unix://$(socket_of n1)
  docker node ls
  docker service create --name web --replicas 50 busybox sleep 100000
  docker service ps web
  ./starling lab kill n3     # and look again
  ./starling lab down
TEXT
    if [[ -t 0 && -t 1 ]]; then
        say ''
        say "The demo's two remaining hosts are still up: docker -H unix://$(socket_of n1) service ps web"
        read -r -p "Enter or Ctrl-C removes them. " || true
    fi
}

main_demo "$@"
