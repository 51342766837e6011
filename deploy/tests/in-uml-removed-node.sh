#!/bin/bash
# Inside User-Mode Linux (deploy/uml/run.sh): what a removed node can read of an encrypted network. Three nodes, their containers ping each other in all directions, and keys are renewed
# all the time. All that the three ports of the switch between them carry is recorded, and again and again all keys that each node's kernel has. Then one node is removed, whose agent goes
# on running; pings to its container go on as well, and the forwarding entries that lead to it are put back by hand. Afterwards the recording is opened with the removed node's keys, and,
# as the control, with those of the others (OpenRecording.java). Takes 4 to 8 minutes on a busy machine, so it is not part of ./check.
set -uo pipefail
# shellcheck source=../uml/nodes.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../uml/nodes.sh"
SECONDS_BEFORE=${SECONDS_BEFORE:-12}

load_modules veth bridge vxlan nf_tables xfrm_user esp4
add_switch
for k in 1 2 3; do add_host "h$k" "p$k" "172.30.0.$k/24"; done
for k in 1 2 3; do start_node $k "172.30.0.$k" "172.30.0.$k:7946" "network-key-renewal: 3s"; done
mkdir /tmp/tools && command javac -cp "$JAR" -d /tmp/tools "$ROOT_DIR"/deploy/tests/{WireRecorder,OpenRecording}.java || fail "javac"

# From here on nothing that the nodes say to each other is missed, nor any key.
nsenter --net=/run/netns/switch java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m -cp "/tmp/tools:$JAR" WireRecorder /tmp/recording >/tmp/recorder.log 2>&1 &
recorder=$!
within 120 test -e /tmp/recording.ready || fail "no recorder: $(cat /tmp/recorder.log)"
keys() { while :; do for k in 1 2 3; do ip -n "h$k" xfrm state >>"/tmp/keys$k"; done; sleep 0.2; done; }
keys &
watch=$!
swarm_of 3 172.30.0.1
encrypted_service 3

declare -A address namespace
for node in n1 n2 n3; do address[$node]=$(address_on $node) namespace[$node]=$(namespace_on $node); done
ping_from() { nsenter --net="${namespace[$1]}" "$BUSYBOX" ping -q "${@:3}" "${address[$2]}" 2>&1; }
reached() { ping_from "$1" "$2" -c 1 -W 1 | grep -q ' 0% packet loss'; }
pairs=("n1 n2" "n2 n1" "n1 n3" "n3 n1" "n2 n3" "n3 n2")
for pair in "${pairs[@]}"; do
    # shellcheck disable=SC2086
    within 30 reached $pair || fail "$pair: no way: $(ip -n h1 xfrm policy; ip -n h1 xfrm state | grep -v aead)"
done
pings=()
for pair in "${pairs[@]}"; do
    nsenter --net="${namespace[${pair% *}]}" "$BUSYBOX" ping -q -i 0.05 "${address[${pair#* }]}" >"/tmp/pings-${pair/ /-}" & # no function: its process id is to be ping's
    pings+=($!)
done
sleep "$SECONDS_BEFORE"

# How h1 and h2 forward to the container on n3, to be put back when their agents have taken it away.
device=$(for device in $(ip -n h1 -br link show type vxlan | awk '{ print $1 }'); do bridge -n h1 fdb show dev "$device" | grep -q 'dst 172.30.0.3' && echo "$device"; done | head -n 1)
bridge=$(ip -n h1 -o link show "$device" | sed -n 's/.* master \([^ ]*\).*/\1/p')
mac=$(bridge -n h1 fdb show dev "$device" | awk '/dst 172.30.0.3/ { print $1; exit }')
[[ -n $mac && -n $bridge ]] || fail "no forwarding entry for n3 on n1: $(bridge -n h1 fdb show)"
forward() { local h; for h in h1 h2; do
    bridge -n $h fdb replace "$mac" dev "$device" dst 172.30.0.3 self master extern_learn
    ip -n $h neigh replace "${address[n3]}" lladdr "$mac" dev "$bridge" extern_learn nud reachable
done; }
refused() { for h in h1 h2; do in_host $h awk '/XfrmOut/ { sum += $2 } END { print sum }' /proc/net/xfrm_stat; done | awk '{ sum += $1 } END { print sum }'; }
forgotten() { ! ip -n h1 xfrm state | grep -q 172.30.0.3 && ! ip -n h2 xfrm state | grep -q 172.30.0.3; }

command_at=$(date +%s%3N)
on n1 node rm --force n3 >/dev/null || fail "node rm"
returned=$(($(date +%s%3N) - command_at))
within 20 forgotten || fail "n1 and n2 still have associations with n3"
known=$(($(date +%s%3N) - command_at))
before=$(refused)
both_refuse() { # the agents take the entries away again each 3 s
    forward
    ping_from n1 n3 -c 2 -i 0.1 -W 1 >/dev/null
    ping_from n2 n3 -c 2 -i 0.1 -W 1 >/dev/null
    refused=$(($(refused) - before))
    ((refused >= 20))
}
within 30 both_refuse || fail "n1 and n2 refused $refused packets to the removed node's container: $(bridge -n h1 fdb show; ip -n h1 neigh)"
spi() { ip -n h1 xfrm policy list dir out dst 172.30.0.2/32 | grep -o 'spi 0x[0-9a-f]*'; }
renewed() { [[ $(spi) != "$last" ]]; }
for _ in 1 2; do
    last=$(spi)
    within 60 renewed || fail "n1 and n2 renew no keys"
done
sleep 1 # some packets under the new ones
kill -INT "${pings[@]}"
wait "${pings[@]}"
kill "$watch"
kill "$recorder" && wait "$recorder"
state=$(kill -0 "${agent[3]}" && echo running || echo ended)
kill "${agent[@]}"
cat /tmp/recorder.log
grep -q ' 0 dropped' /tmp/recorder.log || fail "the recording is not whole"
echo "the command took $returned ms; associations with the removed node gone from the others' kernels $known ms after it was given; the removed node's agent: $state"
echo "packets to it that the others' kernels refused when their forwarding entries had been put back: $refused"
# open_with THEIR-KEYS KEYS...
open_with() { command java -XX:+UseSerialGC -Xmx256m -cp /tmp/tools OpenRecording /tmp/recording 172.30.0.3 "${address[n3]}" "$command_at" "$known" "$@"; }
open_with /tmp/keys3 /tmp/keys1 /tmp/keys2 || fail "what the removed node reads"
! open_with /tmp/keys1 /tmp/keys1 /tmp/keys2 >/tmp/with-keys-of-n1 || fail "nothing is found wrong with the keys of a node that was not removed: $(cat /tmp/with-keys-of-n1)"
cipher=$(ip -n h1 xfrm state | sed -n 's/.*aead \(.*\) 0x.*/\1/p' | sort -u | tr '\n' ' ')
echo "removed node on $(uname -r), $cipher: $(grep -h -o '[0-9]* packets transmitted, [0-9]* packets received' /tmp/pings-n1-n2 /tmp/pings-n2-n1 | tr '\n' ';')"
