#!/bin/bash
# bench/esp-throughput.sh, inside: RUNS times ours and hand-made, with a second VXLAN device between the same two hosts for the latter.
set -uo pipefail
# shellcheck source=../deploy/uml/nodes.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../deploy/uml/nodes.sh"

SECONDS_EACH=${SECONDS_EACH:-1}
load_modules veth bridge vxlan nf_tables xfrm_user esp4
add_switch
for k in 1 2; do add_host "h$k" "p$k" "172.30.0.$k/24"; start_node $k "172.30.0.$k" "172.30.0.$k:7946"; done
swarm_of 2 172.30.0.1
encrypted_service 2
there=$(address_on n2) from=$(namespace_on n1) to=$(namespace_on n2)
reached() { nsenter --net="$from" "$BUSYBOX" ping -q -c 1 -W 1 "$there" 2>&1 | grep -q ' 0% packet loss'; }
within 20 reached || fail "no way to $there"
cipher=$(ip -n h1 xfrm state | grep -o 'rfc[0-9a-z]*([0-9a-z(),]*)*' | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
[[ -n $cipher ]] || fail "no cipher: $(ip -n h1 xfrm state | grep -v aead)"
kill "${agent[@]}" # the kernel goes on, and the agents do not take from its one CPU

# By hand: VXLAN port 4790, each host with a bridge and a namespace behind a veth, as a container is.
key() { od -An -N36 -tx1 /dev/urandom | tr -d ' \n'; }
there_key=0x$(key) back_key=0x$(key)
for k in 1 2; do
    other=$((3 - k)) out=$there_key in=$back_key
    ((k == 1)) || { out=$back_key in=$there_key; }
    state() { ip -n "h$k" xfrm state add src "$1" dst "$2" proto esp spi "$3" reqid 9 mode transport flag esn replay-window 128 aead "$cipher" "$4" 128 || fail "state"; }
    state "172.30.0.$k" "172.30.0.$other" "0x900$k" "$out"
    state "172.30.0.$other" "172.30.0.$k" "0x900$other" "$in"
    ip -n "h$k" xfrm policy add src "172.30.0.$k" dst "172.30.0.$other" proto udp dport 4790 dir out tmpl src "172.30.0.$k" dst "172.30.0.$other" proto esp reqid 9 mode transport
    ip -n "h$k" xfrm policy add src "172.30.0.$other" dst "172.30.0.$k" proto udp dport 4790 dir in tmpl src "172.30.0.$other" dst "172.30.0.$k" proto esp reqid 9 mode transport
    ip -n "h$k" link add byhand type bridge mcast_snooping 0 && ip -n "h$k" link set byhand mtu 1404 up
    ip -n "h$k" link add vxhand type vxlan id 77 local "172.30.0.$k" remote "172.30.0.$other" dstport 4790 dev eth0
    ip -n "h$k" link set vxhand mtu 1404 master byhand up
    ip netns add "c$k" && ip link add eth0 netns "c$k" type veth peer name leg netns "h$k"
    ip -n "h$k" link set leg mtu 1404 master byhand up && ip -n "c$k" link set eth0 mtu 1404 up && ip -n "c$k" addr add "10.99.0.$k/24" dev eth0
done

# between SERVER-NAMESPACE CLIENT-NAMESPACE ADDRESS: megabits per second
between() {
    local bits server
    nsenter --net="$1" iperf3 --server --one-off --bind "$3" --port 5301 >/dev/null 2>&1 &
    server=$!
    listens() { [[ -n $(nsenter --net="$1" ss -Hltn 'sport = :5301') ]]; }
    within 5 listens "$1" || fail "iperf3 does not listen"
    bits=$(nsenter --net="$2" iperf3 --client "$3" --port 5301 --time $SECONDS_EACH --json | sed -n '/"sum_received"/,/}/s/.*"bits_per_second":[^0-9]*\([0-9]*\).*/\1/p')
    wait "$server"
    [[ $bits =~ ^[0-9]+$ ]] || fail "iperf3 to $3 gave no result"
    echo $((bits / 1000000))
}
# quantile FRACTION NUMBER...
quantile() { printf '%s\n' "${@:2}" | sort -n | awk -v f="$1" '{ v[NR] = $1 } END { print v[int(1 + f * (NR - 1) + 0.5)] }'; }
ours() { between "$to" "$from" "$there"; }
by_hand() { between /run/netns/c2 /run/netns/c1 10.99.0.2; }
ours >/dev/null && by_hand >/dev/null || fail "iperf3" # what is slow the first time
ours=() hand=() ratios=()
declare -A result
for ((run = 1; run <= RUNS; run++)); do # who is first changes: what else the machine does comes and goes
    ((run % 2)) && order=(ours by_hand) || order=(by_hand ours)
    for which in "${order[@]}"; do result[$which]=$($which) || fail "$which: ${result[$which]}"; done
    ours+=("${result[ours]}") hand+=("${result[by_hand]}") ratios+=("$((1000 * result[ours] / result[by_hand]))")
    echo "run $run: ours ${result[ours]} Mbit/s, by hand ${result[by_hand]} Mbit/s"
done
awk -v n="$RUNS" -v c="$cipher" -v k="$(uname -r)" -v o="$(quantile 0.5 "${ours[@]}")" -v h="$(quantile 0.5 "${hand[@]}")" -v m="$(quantile 0.5 "${ratios[@]}")" \
    -v low="$(quantile 0.25 "${ratios[@]}")" -v high="$(quantile 0.75 "${ratios[@]}")" -v least="$(quantile 0 "${ratios[@]}")" -v most="$(quantile 1 "${ratios[@]}")" \
    'BEGIN { printf "esp on %s, %s, n=%d in turn: ours %d, by hand %d Mbit/s (medians, %.1f %%); of the pairs: median %.1f %%, quartiles %.1f and %.1f, %.1f to %.1f\n",
        k, c, n, o, h, 100 * o / h, m / 10, low / 10, high / 10, least / 10, most / 10 }'
