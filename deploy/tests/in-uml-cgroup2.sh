#!/bin/bash
# Inside User-Mode Linux (deploy/uml/run.sh): one node on a 6.1 kernel with cgroup v2. A service runs, its memory limit holds, its logs and
# exit code arrive, it stops. Also the older way to mount a container's /proc, which kernels before 6.17 need.
set -uo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
SOCKET=/run/starling/docker.sock DOCKER=docker
! [[ -x $ROOT_DIR/target/tools/docker ]] || DOCKER=$ROOT_DIR/target/tools/docker
fail() { echo "$*"; tail -n 15 /tmp/agent.log; exit 1; }
d() { timeout 60 "$DOCKER" -H "unix://$SOCKET" "$@"; }
within() { local limit=$1 i; shift; for ((i = 0; i < limit * 2; i++)); do "$@" && return; sleep 0.5; done; return 1; }

[[ -f /sys/fs/cgroup/cgroup.controllers ]] || fail "no cgroup v2 here"
cat >/tmp/starling.yml <<YML
name: uml
listen: 127.0.0.1:7946
advertise: 127.0.0.1:7946
join-listen: 127.0.0.1:2377
data-dir: /var/lib/starling
YML
java "@$ROOT_DIR/deploy/jvm.options" -jar "$ROOT_DIR/node/target/starling.jar" run --config /tmp/starling.yml >/tmp/agent.log 2>&1 &
within 90 d version >/dev/null 2>&1 || fail "the agent does not answer"
java "@$ROOT_DIR/deploy/jvm.options" -jar "$ROOT_DIR/node/target/starling.jar" image build-busybox --busybox "$(command -v busybox || echo "$ROOT_DIR/target/tools/busybox")" --output /tmp/busybox.tar || fail "no image"
d load -i /tmp/busybox.tar || fail "load"
d info --format 'cgroup v{{.CgroupVersion}}' | grep -qx 'cgroup v2' || fail "docker info does not say cgroup v2"
d swarm init >/dev/null || fail "init"

d service create --detach --name talker --restart-condition none busybox sh -c 'cat /proc/self/cgroup; echo hello from $(hostname) >&2; exit 7' >/dev/null 2>&1 || fail create
state() { d service ps "$1" --no-trunc --format '{{.CurrentState}} {{.Error}}' 2>/dev/null | head -n 1; }
exited() { state talker | grep -q 'exit (7)'; }
within 60 exited || fail "talker is '$(state talker)'"
says() { [[ $(d service logs talker 2>&1) == *"$1"* ]]; } # no pipe into grep -q: it ends at the first match, and the CLI with SIGPIPE
within 10 says '0::/' || fail "the container sees no cgroup namespace: $(d service logs talker 2>&1)"
within 10 says 'hello from' || fail "no log"

d service create --detach --name hog --restart-condition none --limit-memory 24m busybox sh -c 'tail /dev/zero' >/dev/null 2>&1 || fail create
killed() { state hog | grep -q 'exit (137)'; }
within 90 killed || fail "hog is '$(state hog)'"

d service create --detach --name small --limit-cpu 0.5 --limit-memory 64m --limit-pids 20 --stop-grace-period 1s busybox sleep 1000 >/dev/null 2>&1 || fail create
runs() { state small | grep -q '^Running'; }
within 60 runs || fail "small is '$(state small)'"
group=$(find /sys/fs/cgroup/starling -mindepth 1 -type d | head -n 1)
[[ $(cat "$group/memory.max") == 67108864 && $(cat "$group/pids.max") == 20 && $(cat "$group/cpu.max") == '50000 100000' ]] \
    || fail "limits: memory $(cat "$group/memory.max"), pids $(cat "$group/pids.max"), cpu $(cat "$group/cpu.max")"
d service rm small hog talker >/dev/null || fail rm
gone() { [[ -z $(find /sys/fs/cgroup/starling -mindepth 1 -type d) ]]; }
within 30 gone || fail "cgroups are left: $(find /sys/fs/cgroup/starling -type d)"
echo "cgroup v2 on $(uname -r): exit code, logs, memory, cpu and pids limits, removal"
