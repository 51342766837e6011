#!/bin/bash
# Process 1 of a lab host: prepares what a booted machine has, then only waits. bash reaps every orphan that is handed to
# process 1 (the containers whose agent was killed), and signals other than a KILL from outside do not end it.
# Called by hosts.sh in new pid, mount, uts and ipc namespaces and in the host's network namespace: host-init.sh NAME RUN_DIR
set -euo pipefail
name=$1 run_dir=$2

hostname "$name" 2>/dev/null || printf '%s' "$name" >/proc/sys/kernel/hostname
ip link set lo up

# sysfs shows the network devices of whoever mounted it, so this host needs its own, with the cgroup mounts moved over. The old
# ones have to go: mounted over they would still be listed, and a runtime would find each hierarchy twice.
mkdir -p "$run_dir/cgroup"
mount --rbind /sys/fs/cgroup "$run_dir/cgroup"
umount --lazy --recursive /sys
mount -t sysfs sysfs /sys
mount --move "$run_dir/cgroup" /sys/fs/cgroup
rmdir "$run_dir/cgroup"

touch "$run_dir/booted"
while true; do
    sleep infinity &
    wait $! || true
done
