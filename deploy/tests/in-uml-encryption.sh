#!/bin/bash
# Inside User-Mode Linux (deploy/uml/run.sh), whose kernel has ESP: two nodes in network namespaces and an encrypted network between two containers.
# Seen by counters in the switch between them: ESP only. Ten changes of keys under 10,000 pings lose none. Plaintext, also under a node's own address, is dropped. A node that
# was removed gets nothing (what it could make of what others send to each other: in-uml-removed-node.sh).
# Four senders, each with 3,600 pings, 100 a second; EACH=9000 for more.
set -uo pipefail
# shellcheck source=../uml/nodes.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../uml/nodes.sh"

# A switch, two nodes and a stranger.
load_modules veth bridge vxlan nf_tables xfrm_user esp4
add_switch
for k in 1 2 3; do add_host "h$k" "p$k" "172.30.0.$k/24"; done
for k in 1 2; do start_node $k "172.30.0.$k" "172.30.0.$k:7946" "network-key-renewal: 1s"; done
swarm_of 2 172.30.0.1
! on n1 info 2>&1 | grep -i 'lacks.*ESP' || fail "the kernel has ESP, docker info says otherwise"
encrypted_service 2

declare -A address namespace
for node in n1 n2; do address[$node]=$(address_on $node) namespace[$node]=$(namespace_on $node); done
# ping_from NODE NODE OPTION...
ping_from() { nsenter --net="${namespace[$1]}" "$BUSYBOX" ping -q "${@:3}" "${address[$2]}" 2>&1; }
reached() { ping_from "$1" "$2" -c 1 -W 1 | grep -q ' 0% packet loss'; }
for pair in "n1 n2" "n2 n1"; do
    # shellcheck disable=SC2086
    within 20 reached $pair || fail "$pair: no way: $(ip -n h1 xfrm policy; ip -n h1 xfrm state | grep -v aead; cat /tmp/n1.log)"
done

# What the switch sees.
in_host switch nft -f - <<NFT || fail "no counters"
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
spi() { ip -n h1 xfrm policy list dir out dst 172.30.0.2/32 | grep -o 'spi 0x[0-9a-f]*'; }
policies() { local last='' now i; for ((i = 0; i < 100000; i++)); do now=$(spi); [[ $now == "$last" || -z $now ]] || echo "$now"; last=$now; sleep 0.5; done; }
policies >/tmp/spis &
watch=$!
# Four senders at once. What arrives is counted by the containers' kernels: busybox's ping has room for a dozen answers, and drops the others while the only processor is busy
# elsewhere for a while. Each sends a number, not for a time, so none is under way when they are counted.
pings=()
# echoes NAME: of all containers, as /proc/net/snmp has them
echoes() {
    local node
    for node in n1 n2; do nsenter --net="${namespace[$node]}" cat /proc/net/snmp; done \
        | awk -v name="$1" '$1 == "Icmp:" && !/[0-9]/ { for (i = 2; i <= NF; i++) if ($i == name) column = i } $1 == "Icmp:" && /[0-9]/ { sum += $column } END { print sum }'
}
sent=$(echoes OutEchos) received=$(echoes InEchoReps)
for sender in "n1 n2" "n2 n1" "n1 n2" "n2 n1"; do
    # shellcheck disable=SC2086
    ping_from $sender -i 0.01 -c "${EACH:-3600}" -w $((${EACH:-3600} / 30)) >>/tmp/pings &
    pings+=($!)
done
wait "${pings[@]}"
kill "$watch"
renewals=$(($(wc -l </tmp/spis) - 1))
sent=$(($(echoes OutEchos) - sent)) received=$(($(echoes InEchoReps) - received))
((sent >= 4 * ${EACH:-3600} && sent == received)) || fail "$renewals renewals, $received of $sent: $(cat /tmp/pings)"
((renewals >= 10)) || fail "$renewals renewals only"
esp=$(count seen esp) clear=$(count seen clear)
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
kill -9 "${agent[2]}"; wait "${agent[2]}" 2>/dev/null
on n1 node rm --force n2 >/dev/null || fail "node rm"
forgotten() { ! ip -n h1 xfrm state | grep -q 172.30.0.2 && ! ip -n h1 xfrm policy | grep -q 172.30.0.2; }
within 5 forgotten || fail "n1 still has associations with the removed node: $(ip -n h1 xfrm state | grep -v aead)"
last=$(count seen "esp to n2")
ping_from n1 n2 -c 20 -i 0.02 -W 1 >/tmp/after
! grep -q ', [1-9][0-9]* packets received' /tmp/after || fail "the removed node answers: $(cat /tmp/after)"
(($(count seen "esp to n2") == last && $(count seen clear) == 40)) || fail "the removed node gets packets"
ciphers=$(ip -n h2 xfrm state | grep -o 'rfc[0-9a-z(),]*' | sort -u)
kill "${agent[1]}"
echo "encryption on $(uname -r): $esp packets ESP ($ciphers), $clear in the clear; $renewals renewals under $sent pings, $((sent - received)) lost; $refused of 40 in the clear dropped"
