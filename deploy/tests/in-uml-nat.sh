#!/bin/bash
# Inside User-Mode Linux (deploy/uml/run.sh): a node with an address of its own, and two behind one router that masquerades, gives each connection a random port and
# forwards nothing. An encrypted network between containers on all three, by ESP inside UDP. Seen by counters in the switch.
set -uo pipefail
# shellcheck source=../uml/nodes.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../uml/nodes.sh"

IPTABLES=$(command -v iptables-legacy || command -v iptables) || fail "iptables is missing"
load_modules veth bridge vxlan nf_tables xfrm_user esp4 iptable_nat xt_MASQUERADE xt_conntrack
add_switch
add_host h1 p1 172.30.0.1/24
add_host router p9 172.30.0.9/24
ip -n router link add lan type bridge forward_delay 0 && ip -n router link set lan up && ip -n router addr add 192.168.7.1/24 dev lan
for k in 2 3; do
    ip netns add "h$k" && ip -n "h$k" link set lo up
    ip link add eth0 netns "h$k" type veth peer name "lan$k" netns router
    ip -n router link set "lan$k" master lan up
    ip -n "h$k" addr add "192.168.7.$k/24" dev eth0 && ip -n "h$k" link set eth0 up && ip -n "h$k" route add default via 192.168.7.1
done
in_host router sysctl -qw net.ipv4.ip_forward=1
in_host router "$IPTABLES" -t nat -A POSTROUTING -o eth0 -p udp -j MASQUERADE --random
in_host router "$IPTABLES" -t nat -A POSTROUTING -o eth0 -j MASQUERADE
in_host router "$IPTABLES" -A FORWARD -i eth0 -m conntrack --ctstate NEW -j DROP
in_host switch nft -f - <<NFT || fail "no counters"
table bridge wire {
    chain seen {
        type filter hook forward priority 0
        udp dport 4500 counter comment "to 4500"
        udp sport 4500 counter comment "from 4500"
        ip frag-off & 0x3fff != 0 counter comment "fragments"
        ip protocol esp counter comment "clear"
        udp dport 4789 counter comment "clear"
        udp dport 7947 counter comment "clear"
    }
}
NFT

start_node 1 172.30.0.1 172.30.0.1:7946 "network-key-renewal: 3s"
for k in 2 3; do start_node $k "192.168.7.$k" "172.30.0.9:795$k" "network-key-renewal: 3s" "seeds: [172.30.0.1]"; done
swarm_of 3 172.30.0.1
encrypted_service 3
states() { for h in h1 h2 h3; do echo "$h:"; ip -n $h xfrm policy; ip -n $h xfrm state | grep -v aead; in_host $h awk '$2 > 0' /proc/net/xfrm_stat; done; }
declare -A address namespace
for node in n1 n2 n3; do address[$node]=$(address_on $node) namespace[$node]=$(namespace_on $node); done
ping_from() { nsenter --net="${namespace[$1]}" "$BUSYBOX" ping -q "${@:3}" "${address[$2]}" 2>&1; }
reached() { ping_from "$1" "$2" -c 1 -W 1 | grep -q ' 0% packet loss'; }
for pair in "n1 n2" "n2 n1" "n1 n3" "n3 n1" "n2 n3" "n3 n2"; do
    # shellcheck disable=SC2086
    within 30 reached $pair || fail "$pair: no way: $(states; on n1 info 2>&1 | grep WARN)"
done
between_neighbours=$(count seen "to 4500")
ping_from n2 n3 -c 50 -i 0.02 -W 1 >/tmp/neighbours
grep -q ' 0% packet loss' /tmp/neighbours || fail "neighbours: $(cat /tmp/neighbours)"
between_neighbours=$(($(count seen "to 4500") - between_neighbours))
((between_neighbours < 40)) || fail "what goes between two nodes of one site left the site: $between_neighbours packets"

lost=0 sent=0
for pair in "n1 n2" "n3 n1"; do
    # shellcheck disable=SC2086
    ping_from $pair -i 0.02 -w 8 -s 1376 >/tmp/pings
    sent=$((sent + $(sed -n 's/^\([0-9]*\) packets.*/\1/p' /tmp/pings)))
    lost=$((lost + $(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) packets received.*/\1 - \2/p' /tmp/pings)))
done
((sent > 100 && lost <= 2)) || fail "$lost of $sent lost: $(cat /tmp/pings)"
inside=$(($(count seen "to 4500") + $(count seen "from 4500"))) clear=$(count seen clear) fragments=$(count seen fragments)
((inside >= 2 * (sent - lost) && clear == 0 && fragments == 0)) || fail "on the wire: $inside inside UDP, $clear otherwise, $fragments fragments"

[[ -z $(on n1 node ls --format '{{.Status}}' | grep -v Ready) ]] || fail "$(on n1 node ls)"
kill "${agent[@]}"
echo "nat on $(uname -r): $sent pings of 1404 bytes through a router that masquerades, $lost lost, $inside packets inside UDP, $clear otherwise, $fragments fragments"
