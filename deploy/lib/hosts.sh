# Hosts of the lab. Host nK is a network namespace slab-nK with one link to a bridge in slab-net, and a process 1 with its own
# pid, mount, uts and ipc namespaces and /proc. All processes of a host, containers included, are in its pid namespace, so
# killing its process 1 is a power cut. The machine's own network namespace is never touched.
# Needs: ROOT_DIR, output.sh, prerequisites.sh (JAVA, JAR).
# shellcheck shell=bash

RUN_DIR=/run/starling-lab
DATA_DIR=/var/lib/starling-lab
LOG_DIR=/var/log/starling-lab
CGROUP=starling-lab
SWITCH=slab-net
MAX_NODES=200
LAB_FILE=$RUN_DIR/lab.env # NODES=, MANAGERS=; there while a lab is

address_of() { printf '10.88.0.%d' $((10 + ${1#n})); }
socket_of() { printf '%s/%s/docker.sock' "$RUN_DIR" "$1"; }
config_of() { printf '%s/%s/starling.yml' "$RUN_DIR" "$1"; }
log_of() { printf '%s/%s.log' "$LOG_DIR" "$1"; }
netns_of() { printf 'slab-%s' "$1"; }
node_names() { local k; for ((k = 1; k <= NODES; k++)); do printf 'n%d\n' "$k"; done; }

# docker_on NODE ARGS...: the stock docker CLI, which never waits longer than DOCKER_LIMIT seconds.
docker_on() {
    local node=$1
    shift
    timeout --foreground "${DOCKER_LIMIT:-30}" env -u DOCKER_HOST -u DOCKER_CONTEXT -u DOCKER_TLS_VERIFY docker -H "unix://$(socket_of "$node")" "$@"
}

netns_exists() { [[ -e /run/netns/$1 ]]; }

switch_up() {
    netns_exists "$SWITCH" && return
    ip netns add "$SWITCH"
    ip -n "$SWITCH" link set lo up
    ip -n "$SWITCH" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
    ip -n "$SWITCH" link set br0 address 02:5a:00:00:00:01 # a bridge otherwise takes its ports' addresses in turn
    ip -n "$SWITCH" addr add 10.88.0.1/24 dev br0
    ip -n "$SWITCH" link set br0 up
    # A switch does not filter. The setting is 1 in every new namespace, and absent where br_netfilter is not loaded.
    ip netns exec "$SWITCH" sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null || true
}

# A cable from the host to the switch; the port has the host's name.
plug_in() {
    local node=$1 netns
    netns=$(netns_of "$node")
    ip netns add "$netns"
    ip -n "$SWITCH" link add "$node" type veth peer name eth0 netns "$netns"
    ip -n "$SWITCH" link set "$node" mtu 1500 master br0 up
    ip -n "$netns" link set eth0 mtu 1500
    ip -n "$netns" addr add "$(address_of "$node")/24" dev eth0
    ip -n "$netns" link set lo up
    ip -n "$netns" link set eth0 up
    ip -n "$netns" route add default via 10.88.0.1
    ip netns exec "$netns" sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null || true
}

# The host's process 1 as this machine sees it: in the host's network namespace, and number 1 in a pid namespace one level
# below ours. Found by asking the kernel, so that no stale pid file can ever name somebody else's process.
process1_of() {
    local netns pid
    netns=$(netns_of "$1")
    netns_exists "$netns" || return 1
    for pid in $(ip netns pids "$netns" 2>/dev/null); do
        if grep -qE $'^NSpid:\t[0-9]+\t1$' "/proc/$pid/status" 2>/dev/null && ! is_zombie "$pid"; then
            printf '%d' "$pid"
            return 0
        fi
    done
    return 1
}

is_zombie() { grep -q '^State:\sZ' "/proc/$1/status" 2>/dev/null; }
is_gone() { [[ ! -d /proc/$1 ]] || is_zombie "$1"; }
host_is_up() { process1_of "$1" >/dev/null; }

# in_host NODE COMMAND...: runs a command inside a host.
in_host() {
    local process1
    process1=$(process1_of "$1") || die "$1 is switched off: ./starling lab start $1"
    shift
    nsenter --target "$process1" --net --mount --pid --uts --ipc -- "$@"
}

boot() {
    local node=$1
    netns_exists "$(netns_of "$node")" || plug_in "$node"
    mkdir -p "$RUN_DIR/$node" "$DATA_DIR/$node/tmp" "$LOG_DIR"
    rm -f "$RUN_DIR/$node"/{docker.sock,agent.pid,booted}
    # 9 is the lab's lock, which must not live on in the host
    setsid nsenter --net="/run/netns/$(netns_of "$node")" unshare --fork --pid --mount --uts --ipc --mount-proc \
        env -i PATH="$PATH" HOME=/ LANG=C.UTF-8 \
        bash "$ROOT_DIR/deploy/lib/host-init.sh" "$node" "$RUN_DIR/$node" </dev/null >>"$(log_of "$node")" 2>&1 9>&- &
    disown
    wait_until 20 test -e "$RUN_DIR/$node/booted" || die "$node did not boot; the end of $(log_of "$node"): $(tail -n 3 "$(log_of "$node")")"
}

# write_config NODE: the first three nodes, as far as there are, are everyone's seeds.
write_config() {
    local node=$1 seeds='' seed
    for seed in $(node_names | head -n 3); do
        seeds+="${seeds:+, }\"$(address_of "$seed"):7946\""
    done
    cat >"$(config_of "$node")" <<CONFIG
# Written by ./starling lab; every key is explained in deploy/starling.yml.
name: $node
data-dir: $DATA_DIR/$node
api-socket: $(socket_of "$node")
listen: 0.0.0.0:7946
advertise: $(address_of "$node"):7946
join-listen: 0.0.0.0:2377
seeds: [$seeds]
metrics: 0.0.0.0:9323
profile: lan
cgroup-parent: $CGROUP/$node
log-level: ${LAB_LOG_LEVEL:-info}
labels: {lab: "true"}
generic-resources: [serial=ttyUSB0, tunnel=/dev/net/tun, camera=2]
registries: {hosts: {"$(address_of n1):5000": {plain-http: true}}}
runtime: {name: ${LAB_RUNTIME:-native}}
CONFIG
}

# Starts the agent as a child of the host's process 1. The pid that is kept is the one inside the host.
start_agent() {
    local node=$1 command
    write_config "$node"
    rm -f "$(socket_of "$node")"
    command=(env -i PATH="$PATH" HOME=/ LANG=C.UTF-8 MALLOC_ARENA_MAX=2
        "$JAVA" "@$ROOT_DIR/deploy/jvm.options" "-Djava.io.tmpdir=$DATA_DIR/$node/tmp" -jar "$JAR" run --config "$(config_of "$node")")
    in_host "$node" bash -c 'log=$1 pid_file=$2; shift 2; cd /; setsid "$@" </dev/null >>"$log" 2>&1 & echo $! >"$pid_file"' \
        start-agent "$(log_of "$node")" "$RUN_DIR/$node/agent.pid" "${command[@]}" 9>&-
}

# agent_of NODE: the agent's pid inside the host.
agent_of() {
    local node=$1 pid
    pid=$(cat "$RUN_DIR/$node/agent.pid" 2>/dev/null) && [[ -n $pid ]] || return 1
    host_is_up "$node" && in_host "$node" grep -q '^State:\s[^Z]' "/proc/$pid/status" 2>/dev/null || return 1
    printf '%d' "$pid"
}

kill_agent() {
    local node=$1 pid
    pid=$(agent_of "$node") || die "$node has no agent that runs"
    in_host "$node" kill -KILL "$pid"
    wait_until 10 agent_is_gone "$node" || die "$node: process $pid inside the host does not end"
}

agent_is_gone() { ! agent_of "$1" >/dev/null; }

# A power cut: the link goes silent first (a killed process would still say goodbye on its connections), then all processes.
power_off() {
    local node=$1 process1
    ip -n "$SWITCH" link set "$node" down 2>/dev/null || true
    if process1=$(process1_of "$node"); then
        kill -KILL "$process1" 2>/dev/null || true
        wait_until 20 is_gone "$process1" || die "$node: process $process1 does not end"
    fi
    rm -f "$RUN_DIR/$node"/{docker.sock,agent.pid,booted}
    ! netns_exists "$(netns_of "$node")" || ip netns delete "$(netns_of "$node")"
    # The other end would go with the namespace, but connections that nobody answers keep that alive for a while.
    ip -n "$SWITCH" link delete "$node" 2>/dev/null || true
    remove_cgroups "$CGROUP/$node"
}

# Cgroups outlive their processes; on a real power cut they would not. Both versions, however deep: innermost first.
remove_cgroups() {
    local relative=$1
    wait_until 10 cgroups_removed "$relative" || problem "cgroups are still in use: $(find /sys/fs/cgroup -type d -path "*/$relative" 2>/dev/null | tr '\n' ' ')"
}

cgroups_removed() {
    local hierarchy gone=0
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*/; do
        [[ -d ${hierarchy%/}/$1 ]] || continue
        find "${hierarchy%/}/$1" -depth -type d -exec rmdir {} + 2>/dev/null
        [[ ! -d ${hierarchy%/}/$1 ]] || gone=1
    done
    return $gone
}

# Every lab host that has left a trace, in order: from its namespace, its directories, or the lab's file.
known_hosts() {
    { ls /run/netns 2>/dev/null | sed -n 's/^slab-\(n[0-9]\+\)$/\1/p'
      ls "$RUN_DIR" "$DATA_DIR" 2>/dev/null | grep -E '^n[0-9]+$'; } | sort -u -V
}

# Removes everything that a lab has made, wherever it stopped. Idempotent.
remove_all() {
    local node mount_point
    for node in $(known_hosts); do
        ! netns_exists "$SWITCH" || ip -n "$SWITCH" link set "$node" down 2>/dev/null || true
        power_off "$node"
    done
    ! netns_exists "$SWITCH" || ip netns delete "$SWITCH"
    remove_cgroups "$CGROUP"
    # Mounts die with their host's namespace; none should be left here, and rm must not follow one if it is.
    while read -r mount_point; do
        umount --lazy "$mount_point" || true
    done < <(awk '$5 ~ "^/(run|var/lib)/starling-lab" {print $5}' /proc/self/mountinfo | sort -r)
    rm -rf --one-file-system "$RUN_DIR" "$DATA_DIR" "$LOG_DIR"
}
