#!/bin/bash
# What services' addresses cost at scale: programming 100 networks and 1,000 services of 10 tasks from nothing, one change of a service, connections a second
# through published ports and virtual addresses beside direct ones in one run, and changes of a service's tasks under load. In network namespaces that are
# made for it; the load is ab (Debian's apache2-utils) on nginx (nginx-light), installed if they are missing.
#
#   bench/balancing.sh [program|connections|changes|all]      needs root, nftables, node/target/starling.jar
#   CONNECTIONS=10000 a run, ROUNDS=5, CHANGES=2000
set -euo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
JAR=$ROOT_DIR/node/target/starling.jar
WHAT=${1:-all} CONNECTIONS=${CONNECTIONS:-10000} ROUNDS=${ROUNDS:-5} CHANGES=${CHANGES:-2000}
PREFIX=sbench$$-

[[ -f $JAR ]] || { echo "there is no $JAR: mvn -DskipTests package" >&2; exit 1; }
command -v ab >/dev/null || apt-get install -y --no-install-recommends apache2-utils >/dev/null
command -v nginx >/dev/null || apt-get install -y --no-install-recommends nginx-light >/dev/null
work=$(mktemp -d)
namespaces=() nginx_pid=
cleanup() {
    [[ -z $nginx_pid ]] || { kill "$nginx_pid" && wait "$nginx_pid"; } 2>/dev/null || true
    local name
    for name in "${namespaces[@]}"; do ip netns delete "$name" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

namespace() { # namespace NAME
    ip netns add "$PREFIX$1"
    namespaces+=("$PREFIX$1")
    ip -n "$PREFIX$1" link set lo up
}
in_ns() { local name=$1; shift; ip netns exec "$PREFIX$name" "$@"; }
path() { echo "/run/netns/$PREFIX$1"; }
balancing() { java -XX:TieredStopAtLevel=1 -cp "$JAR" "$ROOT_DIR/bench/Balancing.java" "$@" 2>&1 | grep -v SLF4J; }

program() {
    local k containers=()
    namespace prog
    ip -n "${PREFIX}prog" link add underlay type bridge
    ip -n "${PREFIX}prog" addr add 192.0.2.1/24 dev underlay
    ip -n "${PREFIX}prog" link set underlay up
    for ((k = 0; k < 100; k++)); do namespace "c$k"; containers+=("$(path "c$k")"); done
    balancing program "$(path prog)" "${containers[@]}"
}

# The namespaces of the tests of NetfilterBalancer, and a container on the ingress bridge.
lab() {
    local name k
    for name in cli host tasks inside; do namespace $name; done
    ip -n "${PREFIX}cli" link add eth0 type veth peer name eth0 netns "${PREFIX}host"
    ip -n "${PREFIX}host" link add sb-ingress000 type bridge
    for name in tasks inside; do
        ip -n "${PREFIX}host" link add sv-$name type veth peer name eth0 netns "$PREFIX$name"
        ip -n "${PREFIX}host" link set sv-$name master sb-ingress000 up
        ip -n "$PREFIX$name" link set eth0 up
    done
    ip -n "${PREFIX}host" addr add 172.30.0.1/24 dev eth0
    ip -n "${PREFIX}host" addr add 10.255.0.1/16 dev sb-ingress000
    for name in eth0 sb-ingress000; do ip -n "${PREFIX}host" link set $name up; done
    ip -n "${PREFIX}cli" link set eth0 up
    for ((k = 10; k < 250; k++)); do
        echo "addr add 172.30.0.$k/24 dev eth0" >>"$work/cli"
        echo "addr add 10.255.9.$k/16 dev eth0" >>"$work/inside"
    done
    ip -n "${PREFIX}cli" -batch "$work/cli"
    ip -n "${PREFIX}inside" -batch "$work/inside"
    ip -n "${PREFIX}cli" route add 10.255.0.0/16 via 172.30.0.1
    for ((k = 2; k <= 5; k++)); do ip -n "${PREFIX}tasks" addr add 10.255.0.$k/16 dev eth0; done
    ip -n "${PREFIX}tasks" route add default via 10.255.0.1
    ip -n "${PREFIX}inside" route add default via 10.255.0.1
    in_ns host sysctl -qw net.ipv4.ip_forward=1
    in_ns host sysctl -qew net.bridge.bridge-nf-call-iptables=0
    for name in cli inside tasks; do in_ns $name sysctl -qw net.ipv4.ip_local_port_range='1024 65000'; done
    in_ns tasks sysctl -qw net.core.somaxconn=8192
    printf '%s\n' "daemon off; worker_processes 1; pid $work/nginx.pid; error_log $work/nginx.log;" \
        "events { worker_connections 4096; }" \
        "http { access_log off; keepalive_timeout 0; server { listen 80 backlog=8192; location / { return 200 ok; } } }" >"$work/nginx.conf"
    ip netns exec "${PREFIX}tasks" nginx -c "$work/nginx.conf" >/dev/null 2>&1 & # no function: its process id is to be nginx's
    nginx_pid=$!
    until in_ns tasks curl -s -o /dev/null http://10.255.0.2/; do sleep 0.1; done
}

if [[ $WHAT == program || $WHAT == all ]]; then program; fi
if [[ $WHAT == connections || $WHAT == changes || $WHAT == all ]]; then lab; fi
if [[ $WHAT == connections || $WHAT == all ]]; then
    balancing connections "$(path host)" "$(path cli)" "$(path inside)" "$CONNECTIONS" "$ROUNDS"
fi
if [[ $WHAT == changes || $WHAT == all ]]; then balancing changes "$(path host)" "$(path cli)" "$CHANGES"; fi
