#!/bin/bash
# PID 1 of the User-Mode Linux that run.sh starts: a writable root over the machine's read-only one, the usual file systems, cgroup v2; then
# the script. Says "STARLING-EXIT code" at the end.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8

if [[ ${1:-} != inside ]]; then
    mount -t proc proc /proc
    argument() { tr ' ' '\n' </proc/cmdline | sed -n "s|^$1=||p"; }
    tools=$(argument starling.tools)
    modules=$tools/usr/lib/uml/modules
    "$(command -v busybox || echo "$tools/../busybox")" insmod "$modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko"
    mount -t tmpfs writable /mnt && mkdir -p /mnt/upper /mnt/work /mnt/root
    mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || { echo 'no overlay root'; echo 'STARLING-EXIT 1'; echo o >/proc/sysrq-trigger; }
    root=/mnt/root
    mkdir -p $root/lib/modules $root/old
    mount --bind "$modules" $root/lib/modules
    mount -t proc proc $root/proc
    mount -t sysfs sysfs $root/sys
    mount -t devtmpfs devtmpfs $root/dev
    mkdir -p $root/dev/pts $root/dev/shm
    mount -t devpts devpts $root/dev/pts
    mount -t tmpfs shm $root/dev/shm
    mount -t tmpfs tmp $root/tmp
    mount -t tmpfs run $root/run
    mount -t tmpfs var $root/var/lib # an overlay on an overlay cannot hold the containers' layers
    mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
    script=$(argument starling.script)
    own=$(readlink -f "$0")
    # the checkout may lie below one of the directories that are new here
    checkout=$(cd "$(dirname "$own")/../.." && pwd)
    mkdir -p "$root$checkout" && mount --bind "$checkout" "$root$checkout"
    cd $root && pivot_root . old && exec chroot . /bin/bash "$own" inside "$script"
fi

ip link set lo up
bash "$2"
echo "STARLING-EXIT $?"
echo o >/proc/sysrq-trigger
sleep 5
