#!/bin/bash
# Inside User-Mode Linux (deploy/uml/run.sh): a site without IPv4. Two nodes that have IPv6 addresses only, and between their containers a network in the clear (VXLAN over IPv6) and
# an encrypted one (in ESP over IPv6), whose keys change under pings. Seen by counters in the switch. Not part of ./check.
set -uo pipefail
# shellcheck source=../uml/nodes.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../uml/nodes.sh"

load_modules veth bridge vxlan nf_tables xfrm_user esp6
add_switch
for k in 1 2; do
    add_host "h$k" "p$k" "fd00:30::$k/64"
    start_node $k "[fd00:30::$k]" "[fd00:30::$k]:7946" "network-key-renewal: 1s"
done
in_host switch nft -f - <<NFT || fail "no counters"
table bridge wire {
    chain seen {
        type filter hook forward priority 0
        ip6 nexthdr esp counter comment "esp"
        udp dport 4789 counter comment "clear"
        udp dport 7947 counter comment "not encrypted"
        ip6 nexthdr ipv6-frag counter comment "fragments"
        ip protocol udp counter comment "ipv4"
    }
}
NFT
swarm_of 2 "[fd00:30::1]"
! on n1 info 2>&1 | grep WARNING.*ESP || fail "the kernel has ESP over IPv6, docker info says otherwise"
on n1 network create --driver overlay --ipv6 plain >/dev/null || fail "network create"
on n1 service create --detach --name open --mode global --network plain busybox sleep 100000 >/dev/null 2>&1 || fail "service create"
encrypted_service 2

task_of() { on n1 service ps "$1" --filter "node=$2" --filter desired-state=running -q --no-trunc | head -n 1; }
inspected() { on n1 inspect --type task --format "$2" "$1"; }
# way SERVICE: how a task of it on n1 reaches the one on n2
way() {
    there=$(inspected "$(task_of "$1" n2)" '{{index (index .NetworksAttachments 0).Addresses 0}}' | cut -d/ -f1)
    from=/proc/$(inspected "$(task_of "$1" n1)" '{{.Status.ContainerStatus.PID}}')/ns/net
}
ping_there() { nsenter --net="$from" "$BUSYBOX" ping -q "$@" "$there" 2>&1; }
reached() { ping_there -c 1 -W 1 | grep -q ' 0% packet loss'; }
states() { for h in h1 h2; do ip -n $h xfrm policy; ip -n $h xfrm state | grep -v aead; in_host $h awk '$2 > 0' /proc/net/xfrm_stat; done; }

two_run() { (($(on n1 service ps open --filter desired-state=running --format '{{.CurrentState}}' | grep -c '^Running') == 2)); }
within 60 two_run || fail "open: $(on n1 service ps open --no-trunc)"
way open
within 20 reached || fail "open: no way to $there: $(ip -n h1 -d link show type vxlan)"
ping_there -c 50 -i 0.02 -s 1402 >/tmp/pings # 1,430 bytes with the headers
grep -q ' 0% packet loss' /tmp/pings || fail "open: $(cat /tmp/pings)"
clear=$(count seen clear)
((clear >= 100)) || fail "$clear packets of VXLAN by IPv6"

way web
within 20 reached || fail "web: no way to $there: $(states)"
spi() { ip -n h1 xfrm policy list dir out dst fd00:30::2/128 | grep -o 'spi 0x[0-9a-f]*'; }
renewals=0 sent=0
for ((round = 0; round < 8; round++)); do
    before=$(spi)
    ping_there -c 100 -i 0.02 -s 1356 >/tmp/pings # 1,384 bytes
    grep -q ' 0% packet loss' /tmp/pings || fail "web: $(cat /tmp/pings; states)"
    ((sent += 100))
    [[ $(spi) == "$before" ]] || ((++renewals))
done
esp=$(count seen esp)
((renewals >= 2)) || fail "$renewals renewals only"
((esp >= 2 * sent && $(count seen "not encrypted") == 0)) || fail "on the wire: $esp ESP, $(count seen "not encrypted") in the clear"
(($(count seen fragments) == 0)) || fail "$(count seen fragments) fragments"
(($(count seen ipv4) == 0)) || fail "$(count seen ipv4) packets by IPv4"
cipher=$(ip -n h1 xfrm state | sed -n 's/.*aead \(.*\) 0x.*/\1/p' | head -n 1)
kill "${agent[@]}"
echo "ipv6 on $(uname -r): $clear packets of VXLAN over IPv6; $esp packets ESP ($cipher), 0 of them in the clear, $renewals renewals under $sent pings, 0 lost; no fragments, no IPv4"
