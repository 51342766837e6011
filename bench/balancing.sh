#!/bin/bash
# What services' addresses cost at scale: programming 100 networks and 1,000 services of 10 tasks from nothing, one change of a service, connections a second
# through published ports and virtual addresses beside two kinds of direct ones in one run (the same way by the same rules; without rules), and changes of a
# service's tasks under load. In network namespaces that are made for it; the load is ab (Debian's apache2-utils) on nginx (nginx-light), installed if they are missing.
#
#   bench/balancing.sh [program|connections|changes|all]      needs root, nftables, node/target/starling.jar
#   CONNECTIONS=10000 a run, ROUNDS=5, CHANGES=2000;  WITHIN=3600: after so many seconds no further round begins
#   CLIENT_CPU=0 SERVER_CPU=0  where ab and nginx run for "connections". On one CPU the rate says what a connection costs in all, whoever pays; left to the
#                              scheduler, where the two happen to run moves the rate by more than what is measured here.
set -euo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
JAR=$ROOT_DIR/node/target/starling.jar
WHAT=${1:-all} CONNECTIONS=${CONNECTIONS:-10000} ROUNDS=${ROUNDS:-5} CHANGES=${CHANGES:-2000} WITHIN=${WITHIN:-3600}
CLIENT_CPU=${CLIENT_CPU:-0} SERVER_CPU=${SERVER_CPU:-0}
PREFIX=sbench$$-

[[ -f $JAR ]] || { echo "there is no $JAR: mvn -DskipTests package" >&2; exit 1; }
command -v ab >/dev/null || apt-get install -y --no-install-recommends apache2-utils >/dev/null
command -v nginx >/dev/null || apt-get install -y --no-install-recommends nginx-light >/dev/null
work=$(mktemp -d)
namespaces=() servers=()
cleanup() {
    local name server
    for server in "${servers[@]}"; do { kill "$server" && wait "$server"; } 2>/dev/null || true; done
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

# The namespaces of the tests of NetfilterBalancer, a container on the ingress bridge, and a second host behind a VXLAN tunnel with tasks of its own.
lab() {
    local name k
    for name in cli host tasks inside far away; do namespace $name; done
    ip -n "${PREFIX}cli" link add eth0 type veth peer name eth0 netns "${PREFIX}host"
    ip -n "${PREFIX}host" link add underlay type veth peer name underlay netns "${PREFIX}far"
    tunnel host 192.0.2.1 192.0.2.2 10.255.0.1
    tunnel far 192.0.2.2 192.0.2.1 10.255.1.1
    container host tasks
    container host inside
    container far away
    ip -n "${PREFIX}host" addr add 172.30.0.1/24 dev eth0
    ip -n "${PREFIX}host" link set eth0 up
    ip -n "${PREFIX}cli" link set eth0 up
    for ((k = 10; k < 250; k++)); do
        echo "addr add 172.30.0.$k/24 dev eth0" >>"$work/cli"
        echo "addr add 10.255.9.$k/16 dev eth0" >>"$work/inside"
    done
    ip -n "${PREFIX}cli" -batch "$work/cli"
    ip -n "${PREFIX}inside" -batch "$work/inside"
    ip -n "${PREFIX}cli" route add 10.255.0.0/16 via 172.30.0.1
    for ((k = 2; k <= 5; k++)); do
        ip -n "${PREFIX}tasks" addr add 10.255.0.$k/16 dev eth0
        ip -n "${PREFIX}away" addr add 10.255.1.$k/16 dev eth0
    done
    for name in tasks inside away; do ip -n "$PREFIX$name" route add default via 10.255.0.1; done
    in_ns host sysctl -qw net.ipv4.ip_forward=1
    for name in host far; do in_ns $name sysctl -qew net.bridge.bridge-nf-call-iptables=0; done
    for name in cli inside tasks away; do in_ns $name sysctl -qw net.ipv4.ip_local_port_range='1024 65000'; done
    serve tasks 10.255.0.2
    serve away 10.255.1.2
}
tunnel() { # tunnel HOST ITS-ADDRESS PEER'S-ADDRESS ITS-ADDRESS-ON-THE-BRIDGE
    ip -n "$PREFIX$1" addr add "$2/24" dev underlay
    ip -n "$PREFIX$1" link set underlay up
    ip -n "$PREFIX$1" link add sb-ingress000 type bridge
    ip -n "$PREFIX$1" link add sx-ingress000 type vxlan id 4095 local "$2" remote "$3" dstport 4789 dev underlay
    ip -n "$PREFIX$1" link set sx-ingress000 master sb-ingress000 up
    ip -n "$PREFIX$1" addr add "$4/16" dev sb-ingress000
    ip -n "$PREFIX$1" link set sb-ingress000 up
}
container() { # container HOST NAME
    ip -n "$PREFIX$1" link add "sv-$2" type veth peer name eth0 netns "$PREFIX$2"
    ip -n "$PREFIX$1" link set "sv-$2" master sb-ingress000 up
    ip -n "$PREFIX$2" link set eth0 up
}
serve() { # serve NAMESPACE ADDRESS
    in_ns "$1" sysctl -qw net.core.somaxconn=8192
    printf '%s\n' "daemon off; master_process off; pid $work/$1.pid; error_log $work/$1.log;" \
        "events { worker_connections 4096; }" \
        "http { access_log off; keepalive_timeout 0; server { listen 80 backlog=8192; location / { return 200 ok; } } }" >"$work/$1.conf"
    ip netns exec "$PREFIX$1" taskset -c "$SERVER_CPU" nginx -c "$work/$1.conf" >/dev/null 2>&1 & # no function: its process id is to be nginx's
    servers+=($!)
    until in_ns inside curl -s -o /dev/null "http://$2/"; do sleep 0.1; done
}

if [[ $WHAT == program || $WHAT == all ]]; then program; fi
if [[ $WHAT == connections || $WHAT == changes || $WHAT == all ]]; then lab; fi
if [[ $WHAT == connections || $WHAT == all ]]; then
    balancing connections "$(path host)" "$(path far)" "$(path cli)" "$(path inside)" "$CONNECTIONS" "$ROUNDS" "$CLIENT_CPU" "$WITHIN" \
        "${servers[@]}" "$(pgrep -x "ksoftirqd/$SERVER_CPU")"
fi
if [[ $WHAT == changes || $WHAT == all ]]; then balancing changes "$(path host)" "$(path cli)" "$CHANGES"; fi
