#!/bin/bash
# Inside User-Mode Linux (deploy/uml/run.sh), whose kernel has ESP: two nodes in network namespaces and an encrypted network between two containers.
# Seen by counters in the switch between them: ESP only. Plaintext, also under a node's own address, is dropped. Ten changes of keys under pings lose none. A node that
# was removed gets nothing. SECONDS_OF_PINGS=60 for more of them.
set -uo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
JAR=$ROOT_DIR/node/target/starling.jar DOCKER=docker
! [[ -x $ROOT_DIR/target/tools/docker ]] || DOCKER=$ROOT_DIR/target/tools/docker
fail() { echo "$*"; tail -n 8 /tmp/n1.log /tmp/n2.log; exit 1; }
on() { local node=$1; shift; timeout 60 "$DOCKER" -H "unix:///run/$node.sock" "$@"; }
within() { local limit=$1 i; shift; for ((i = 0; i < limit * 4; i++)); do "$@" && return; sleep 0.25; done; return 1; }
java() { command java "@$ROOT_DIR/deploy/jvm.options" -jar "$JAR" "$@"; }

# The kernel loads modules by /sbin/modprobe.
BUSYBOX=$(command -v busybox || echo "$ROOT_DIR/target/tools/busybox")
command -v modprobe >/dev/null || ln -s "$BUSYBOX" /sbin/modprobe
for module in veth bridge vxlan nf_tables xfrm_user esp4; do modprobe "$module" || fail "module $module"; done

# A switch, two nodes and a stranger.
ip netns add switch
ip -n switch link add br0 type bridge forward_delay 0 && ip -n switch link set br0 up
for k in 1 2 3; do
    ip netns add "h$k" && ip -n "h$k" link set lo up
    ip link add eth0 netns "h$k" type veth peer name "p$k" netns switch
    ip -n switch link set "p$k" master br0 up
    ip -n "h$k" addr add "172.30.0.$k/24" dev eth0 && ip -n "h$k" link set eth0 up
done
start() {
    cat >"/tmp/n$1.yml" <<YML
name: n$1
listen: 172.30.0.$1:7946
advertise: 172.30.0.$1:7946
join-listen: 172.30.0.$1:2377
api-socket: /run/n$1.sock
data-dir: /var/lib/starling$1
cgroup-parent: starling$1
metrics: off
network-key-renewal: 1s
YML
    nsenter --net="/run/netns/h$1" java "@$ROOT_DIR/deploy/jvm.options" -jar "$JAR" run --config "/tmp/n$1.yml" >"/tmp/n$1.log" 2>&1 &
    agent[$1]=$!
}
declare -A agent
start 1
start 2
java image build-busybox --busybox "$BUSYBOX" --output /tmp/busybox.tar || fail "no image"
for k in 1 2; do
    within 60 on "n$k" version >/dev/null 2>&1 || fail "n$k does not answer"
    on "n$k" load -i /tmp/busybox.tar >/dev/null || fail "load"
done
on n1 swarm init >/dev/null || fail "init"
on n2 swarm join --token "$(on n1 swarm join-token -q worker)" 172.30.0.1:2377 >/dev/null || fail "join"
! on n1 info 2>&1 | grep -i 'lacks.*ESP' || fail "the kernel has ESP, docker info says otherwise"
able() { on n1 network create --driver overlay --opt encrypted vault >/dev/null 2>/tmp/network.err; }
within 20 able || fail "no encrypted network: $(cat /tmp/network.err)"
on n1 service create --detach --name web --mode global --network vault busybox sleep 100000 >/dev/null 2>&1 || fail "service create"
running() { (($(on n1 service ps web --filter desired-state=running --format '{{.CurrentState}}' 2>/dev/null | grep -c '^Running') == 2)); }
within 60 running || fail "web: $(on n1 service ps web --no-trunc)"

address() { on n1 inspect --type task --format '{{index (index .NetworksAttachments 0).Addresses 0}}' "$1" | cut -d/ -f1; }
task_on() { on n1 service ps web --filter "node=$1" --filter desired-state=running -q --no-trunc | head -n 1; }
there=$(address "$(task_on n2)")
container=/proc/$(on n1 inspect --type task --format '{{.Status.ContainerStatus.PID}}' "$(task_on n1)")/ns/net
ping_there() { nsenter --net="$container" "$BUSYBOX" ping -q "$@" "$there" 2>&1; }
reached() { ping_there -c 1 -W 1 | grep -q ' 0% packet loss'; }
within 20 reached || fail "no way to $there: $(ip -n h1 xfrm policy; ip -n h1 xfrm state | grep -v aead; cat /tmp/n1.log)"

# What the switch sees.
ip netns exec switch nft -f - <<NFT || fail "no counters"
table bridge wire {
    chain seen {
        type filter hook forward priority 0
        ip protocol esp counter comment "esp"
        ip daddr 172.30.0.2 ip protocol esp counter comment "esp to n2"
        udp dport 4789 counter comment "clear"
        udp dport 7947 counter comment "clear"
    }
}
NFT
count() { ip netns exec switch nft list chain bridge wire seen | awk -v what="comment \"$1\"" 'index($0, what) { for (i = 1; i < NF; i++) if ($i == "packets") sum += $(i + 1) } END { print sum + 0 }'; }
spi() { ip -n h1 xfrm policy list dir out | grep -o 'spi 0x[0-9a-f]*'; }
policies() { local last='' now i; for ((i = 0; i < 100000; i++)); do now=$(spi); [[ $now == "$last" || -z $now ]] || echo "$now"; last=$now; sleep 0.2; done; }
policies >/tmp/spis &
watch=$!
ping_there -i 0.01 -w "${SECONDS_OF_PINGS:-40}" >/tmp/pings
kill "$watch"
renewals=$(($(wc -l </tmp/spis) - 1))
sent=$(sed -n 's/^\([0-9]*\) packets.*/\1/p' /tmp/pings) received=$(sed -n 's/.*, \([0-9]*\) packets received.*/\1/p' /tmp/pings)
((sent > 1000 && sent - received <= 1)) || fail "$renewals renewals: $(cat /tmp/pings)" # the last may be under way when the time is over
((renewals >= 10)) || fail "$renewals renewals only"
esp=$(count esp) clear=$(count clear)
((esp >= received && clear == 0)) || fail "on the wire: $esp ESP, $clear in the clear"

# Plaintext of a stranger, under its own address and under n1's.
dropped() { nsenter --net=/run/netns/h2 awk '/XfrmInPolBlock|XfrmInTmplMismatch|XfrmInNoPols/ { sum += $2 } END { print sum }' /proc/net/xfrm_stat; }
before=$(dropped)
for _ in {1..20}; do nsenter --net=/run/netns/h3 bash -c 'echo x >/dev/udp/172.30.0.2/7947'; done
nsenter --net=/run/netns/h3 sysctl -qw net.ipv4.conf.all.arp_ignore=1
ip -n h3 addr add 172.30.0.1/32 dev lo
ip -n h3 neigh replace 172.30.0.2 lladdr "$(ip -n h2 -br link show eth0 | awk '{ print $3 }')" dev eth0 nud permanent
ip -n h3 route add 172.30.0.2/32 dev eth0 src 172.30.0.1
for _ in {1..20}; do nsenter --net=/run/netns/h3 bash -c 'echo x >/dev/udp/172.30.0.2/7947'; done
refused=$(($(dropped) - before))
((refused == 40)) || fail "$refused of 40 packets in the clear were dropped"

# Removed: its containers and its keys are still there, and nothing comes.
kill -9 "${agent[2]}"
on n1 node rm --force n2 >/dev/null || fail "node rm"
forgotten() { ! ip -n h1 xfrm state | grep -q 172.30.0.2 && ! ip -n h1 xfrm policy | grep -q 172.30.0.2; }
within 5 forgotten || fail "n1 still has associations with the removed node: $(ip -n h1 xfrm state | grep -v aead)"
last=$(count "esp to n2")
ping_there -c 20 -i 0.02 -W 1 >/tmp/after
! grep -q ', [1-9][0-9]* packets received' /tmp/after || fail "the removed node answers: $(cat /tmp/after)"
(($(count "esp to n2") == last && $(count clear) == 40)) || fail "the removed node gets packets"
ciphers=$(ip -n h2 xfrm state | grep -o 'rfc[0-9a-z(),]*' | sort -u)
kill "${agent[1]}"
echo "encryption on $(uname -r): $esp packets ESP ($ciphers), $clear in the clear; $renewals renewals under $sent pings, $((sent - received)) lost; $refused of 40 in the clear dropped"
