#!/bin/bash
# Inside User-Mode Linux (deploy/uml/run.sh): one node on a 6.1 kernel with cgroup v2, swap and AppArmor, first with the native runtime, then with crun
# where that is installed. A service's logs and exit code arrive; its limits of memory, swap, processes and processor time hold, as do a filter of its own for
# system calls and an AppArmor profile; it stops and leaves no group. Also the older way to mount a container's /proc, which kernels before 6.17 need.
set -uo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
SOCKET=/run/starling/docker.sock DOCKER=docker JAR=$ROOT_DIR/node/target/starling.jar RUNTIME=none
! [[ -x $ROOT_DIR/target/tools/docker ]] || DOCKER=$ROOT_DIR/target/tools/docker
fail() { echo "$RUNTIME: $*"; tail -n 15 /tmp/agent.log; exit 1; }
d() { timeout 60 "$DOCKER" -H "unix://$SOCKET" "$@"; }
within() { local limit=$1 i; shift; for ((i = 0; i < limit * 2; i++)); do "$@" && return; sleep 0.5; done; return 1; }
create() { local name=$1; shift; d service create --detach --name "$name" --restart-condition none --stop-grace-period 1s "$@" >/dev/null 2>/tmp/create.err || fail "create $name: $(cat /tmp/create.err)"; }
state() { d service ps "$1" --no-trunc --format '{{.CurrentState}} {{.Error}}' 2>/dev/null | head -n 1; }
ended() { [[ $(state "$1") == *"$2"* ]]; }
says() { [[ $(d service logs "$1" 2>&1) == *"$2"* ]]; } # no pipe into grep -q: it ends at the first match, and the CLI with SIGPIPE

prepare_kernel() {
    local modules
    modules=$(find /lib/modules/ -maxdepth 1 -name "$(uname -r)")
    SWAP=no
    if busybox insmod "$modules/kernel/mm/zsmalloc.ko" && busybox insmod "$modules/kernel/drivers/block/zram/zram.ko"; then
        echo 256M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0 && SWAP=yes
    fi
    APPARMOR=no
    local parser=$ROOT_DIR/target/tools/apparmor/sbin/apparmor_parser
    [[ -x $parser ]] || parser=$(command -v apparmor_parser)
    if [[ -x $parser && $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) == Y ]]; then
        mount -t securityfs securityfs /sys/kernel/security
        mkdir -p /etc/apparmor && : >>/etc/apparmor/parser.conf # a missing one is complained about
        printf 'profile starling-test flags=(attach_disconnected) { file, capability, network, signal, ptrace, deny /forbidden w, }\n' >/tmp/profile
        "$parser" -r -K /tmp/profile && APPARMOR=yes
    fi
}

start_agent() {
    RUNTIME=$1
    printf '%s\n' 'name: uml' 'listen: 127.0.0.1:7946' 'advertise: 127.0.0.1:7946' 'join-listen: 127.0.0.1:2377' "data-dir: /var/lib/starling-$1" "runtime: {name: $1}" >/tmp/starling.yml
    java "@$ROOT_DIR/deploy/jvm.options" -jar "$JAR" run --config /tmp/starling.yml >/tmp/agent.log 2>&1 &
    AGENT=$!
    within 90 d version >/dev/null 2>&1 || fail "the agent does not answer"
    d load -i /tmp/busybox.tar >/dev/null || fail "load"
    [[ $(d info --format 'cgroup v{{.CgroupVersion}}') == 'cgroup v2' ]] || fail "docker info does not say cgroup v2"
    d swarm init >/dev/null || fail "init"
}

check_ends() {
    create talker busybox sh -c 'cat /proc/self/cgroup; echo hello from $(hostname) >&2; exit 7'
    # the filter: a call denied with ENOSPC, for one value of an argument; none for the other
    printf '%s' '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{"index": 1, "value": 511, "op": "SCMP_CMP_EQ"}]},
        {"names": ["fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{"index": 2, "value": 511, "op": "SCMP_CMP_EQ"}]}]}' | d config create quiet - >/dev/null || fail "config"
    create filtered --label starling.seccomp=quiet busybox sh -c 'touch /f; chmod 700 /f && echo private; chmod 777 /f || echo never public'
    create bomb --limit-pids 8 busybox sh -c 'i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done; echo unreachable'
    ! [[ $APPARMOR == yes ]] || create armoured --label starling.apparmor=starling-test busybox sh -c 'cat /proc/self/attr/current; touch /forbidden || echo refused; touch /other && echo may'
    within 60 ended talker 'exit (7)' || fail "talker is '$(state talker)'"
    within 10 says talker '0::/' || fail "the container sees no cgroup namespace: $(d service logs talker 2>&1)"
    within 10 says talker 'hello from' || fail "no log"
    within 60 says filtered 'never public' || fail "filtered is '$(state filtered)': $(d service logs filtered 2>&1)"
    says filtered private && says filtered 'No space left' || fail "filtered: $(d service logs filtered 2>&1)"
    within 60 says bomb "can't fork" || fail "bomb is '$(state bomb)': $(d service logs bomb 2>&1)"
    ! [[ $APPARMOR == yes ]] || { within 60 says armoured may && says armoured 'starling-test (enforce)' && says armoured refused; } || fail "armoured is '$(state armoured)': $(d service logs armoured 2>&1)"
}

check_memory() {
    # 40 MB of memory in 24: without swap the kernel kills, with 64 MB of it the process gets through
    create hog --limit-memory 24m --label starling.swap=0 busybox dd if=/dev/zero of=/dev/null bs=40M count=1
    within 90 ended hog 'exit (137)' || fail "hog is '$(state hog)'"
    [[ $SWAP == yes ]] || return 0
    create swapper --limit-memory 24m --label starling.swap=64m busybox dd if=/dev/zero of=/dev/null bs=40M count=1
    within 90 ended swapper Complete || fail "swapper is '$(state swapper)'"
    create picky --limit-memory 24m --label starling.swappiness=5 busybox true
    within 60 ended picky 'version 2 of control groups' || fail "picky is '$(state picky)'"
}

check_limits_of_a_running_one() {
    create small --limit-cpu 0.5 --limit-memory 64m --limit-pids 20 --label starling.swap=32m busybox sh -c 'while true; do :; done'
    within 60 ended small Running || fail "small is '$(state small)'"
    local group
    group=$(find /sys/fs/cgroup/starling -mindepth 1 -type d | head -n 1)
    [[ $(cat "$group/memory.max" "$group/memory.swap.max" "$group/pids.max" "$group/cpu.max" | tr '\n' ' ') == '67108864 33554432 20 50000 100000 ' ]] \
        || fail "limits: memory $(cat "$group/memory.max"), swap $(cat "$group/memory.swap.max"), pids $(cat "$group/pids.max"), cpu $(cat "$group/cpu.max")"
    throttled() { ! [[ $(cat "$group/cpu.stat") == *'nr_throttled 0'* ]]; }
    within 20 throttled || fail "a busy loop was never throttled: $(cat "$group/cpu.stat")"
}

leave() {
    # shellcheck disable=SC2046 # one word each
    d service rm $(d service ls -q) >/dev/null || fail rm
    gone() { [[ -z $(find /sys/fs/cgroup/starling -mindepth 1 -type d) ]]; }
    within 30 gone || fail "cgroups are left: $(find /sys/fs/cgroup/starling -type d)"
    kill "$AGENT" && wait "$AGENT"
}

[[ -f /sys/fs/cgroup/cgroup.controllers ]] || fail "no cgroup v2 here"
prepare_kernel
java "@$ROOT_DIR/deploy/jvm.options" -jar "$JAR" image build-busybox --busybox "$(command -v busybox || echo "$ROOT_DIR/target/tools/busybox")" --output /tmp/busybox.tar || fail "no image"
for runtime in ${STARLING_UML_RUNTIMES:-native $(command -v crun >/dev/null && echo crun)}; do
    start_agent "$runtime"
    check_ends
    check_memory
    check_limits_of_a_running_one
    leave
    echo "$runtime, cgroup v2 on $(uname -r): exit code, logs, memory, pids, cpu and swap limits (swap device: $SWAP), seccomp, AppArmor ($APPARMOR), removal"
done
