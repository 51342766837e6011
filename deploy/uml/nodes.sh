# For scripts inside User-Mode Linux (deploy/uml/run.sh): nodes in network namespaces h1, h2, ... behind a switch of its own namespace. To be sourced.
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
JAR=$ROOT_DIR/node/target/starling.jar DOCKER=docker
! [[ -x $ROOT_DIR/target/tools/docker ]] || DOCKER=$ROOT_DIR/target/tools/docker
BUSYBOX=$(command -v busybox || echo "$ROOT_DIR/target/tools/busybox")
declare -A agent

fail() { echo "$*"; tail -n 8 /tmp/n?.log; exit 1; }
on() { local node=$1; shift; timeout 60 "$DOCKER" -H "unix:///run/$node.sock" "$@"; }
within() { local limit=$1 i; shift; for ((i = 0; i < limit * 4; i++)); do "$@" && return; sleep 0.25; done; return 1; }
java() { command java "@$ROOT_DIR/deploy/jvm.options" -jar "$JAR" "$@"; }
in_host() { local host=$1; shift; nsenter --net="/run/netns/$host" "$@"; }

# The kernel loads modules by /sbin/modprobe.
load_modules() {
    local module
    command -v modprobe >/dev/null || ln -s "$BUSYBOX" /sbin/modprobe
    for module in "$@"; do modprobe "$module" || fail "module $module"; done
}

add_switch() { ip netns add switch && ip -n switch link add br0 type bridge forward_delay 0 && ip -n switch link set br0 up; }
# add_host NAMESPACE PORT ADDRESS/PREFIX: with eth0 at the switch
add_host() {
    ip netns add "$1" && ip -n "$1" link set lo up
    ip link add eth0 netns "$1" type veth peer name "$2" netns switch
    ip -n switch link set "$2" master br0 up
    ip -n "$1" addr add "$3" dev eth0 && ip -n "$1" link set eth0 up
}

# start_node K LISTEN ADVERTISE [LINE...]: the agent nK in namespace hK; LINEs of configuration more
start_node() {
    local k=$1
    printf '%s\n' "name: n$k" "listen: '$2:7946'" "advertise: '$3'" "join-listen: '$2:2377'" "api-socket: /run/n$k.sock" "data-dir: /var/lib/starling$k" \
        "cgroup-parent: starling$k" "metrics: off" "${@:4}" >"/tmp/n$k.yml"
    nsenter --net="/run/netns/h$k" java "@$ROOT_DIR/deploy/jvm.options" -jar "$JAR" run --config "/tmp/n$k.yml" >"/tmp/n$k.log" 2>&1 & # no function: its process id is to be the agent's
    agent[$k]=$!
}

# swarm_of N ADDRESS: n1 to nN, once they answer, with the image busybox; ADDRESS is n1's
swarm_of() {
    local k
    java image build-busybox --busybox "$BUSYBOX" --output /tmp/busybox.tar || fail "no image"
    for ((k = 1; k <= $1; k++)); do
        within 60 on "n$k" version >/dev/null 2>&1 || fail "n$k does not answer"
        on "n$k" load -i /tmp/busybox.tar >/dev/null || fail "load"
    done
    on n1 swarm init >/dev/null || fail "init"
    for ((k = 2; k <= $1; k++)); do
        within 3 join_swarm "n$k" "$2" || fail "join of n$k: $(cat /tmp/join.err)"
    done
}
# On a busy machine n1 may take longer to answer than n2 is patient.
join_swarm() { on "$1" swarm join --token "$(on n1 swarm join-token -q worker)" "$2:2377" >/dev/null 2>/tmp/join.err || [[ $(on "$1" info --format '{{.Swarm.LocalNodeState}}') == active ]]; }

# encrypted_service N: a task of the service web on each of N nodes, on the encrypted network vault
encrypted_service() {
    local nodes=$1
    able() { on n1 network create --driver overlay --opt encrypted vault >/dev/null 2>/tmp/network.err; }
    within 20 able || fail "no encrypted network: $(cat /tmp/network.err)"
    on n1 service create --detach --name web --mode global --network vault busybox sleep 100000 >/dev/null 2>&1 || fail "service create"
    running() { (($(on n1 service ps web --filter desired-state=running --format '{{.CurrentState}}' 2>/dev/null | grep -c '^Running') == nodes)); }
    within 60 running || fail "web: $(on n1 service ps web --no-trunc)"
}
task_on() { on n1 service ps web --filter "node=$1" --filter desired-state=running -q --no-trunc | head -n 1; }
address_on() { on n1 inspect --type task --format '{{index (index .NetworksAttachments 0).Addresses 0}}' "$(task_on "$1")" | cut -d/ -f1; }
namespace_on() { echo "/proc/$(on n1 inspect --type task --format '{{.Status.ContainerStatus.PID}}' "$(task_on "$1")")/ns/net"; }

# count CHAIN COMMENT: packets that the switch's counters of that comment have seen
count() { in_host switch nft list chain bridge wire "$1" | awk -v what="comment \"$2\"" 'index($0, what) { for (i = 1; i < NF; i++) if ($i == "packets") sum += $(i + 1) } END { print sum + 0 }'; }
