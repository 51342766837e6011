#!/bin/bash
# How long a container of /bin/true takes (create, start, wait, delete), one at a time and eight at once, by one clock: Starling's runtime, crun with what an
# engine does around it, crun alone, and runc alone (Debian's packages, installed if they are missing), in turns. Medians over the rounds, and the ratios.
#
#   bench/container-starts.sh [CYCLES a round, default 50] [ROUNDS, default 4]      needs root, busybox-static, node/target/starling.jar
#
# Only the first two do the same: an overlay over the image, /etc/hosts and its like, the output in a log file, all deleted again. "crun" and "runc" run in
# the image's directory itself and keep no output. Starling also writes its state file twice.
#
# crun 1.8 refuses to run where cgroup version 1 and 2 are both mounted. There it gets a mount namespace of its own without the version 2 tree.
set -euo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
JAR=$ROOT_DIR/node/target/starling.jar
CYCLES=${1:-50}
ROUNDS=${2:-4}

[[ -f $JAR ]] || { echo "there is no $JAR: mvn -DskipTests package" >&2; exit 1; }
for tool in crun runc; do
    command -v "$tool" >/dev/null || apt-get install -y --no-install-recommends "$tool" >/dev/null
done
work=$(mktemp -d)
cleanup() {
    rm -rf "$work"
    find /sys/fs/cgroup -depth -path '*/starling-bench*' -type d -exec rmdir {} + 2>/dev/null || true
}
trap cleanup EXIT
mkdir -p "$work/rootfs/"{bin,dev,etc,proc,sys,tmp}
cp /bin/busybox "$work/rootfs/bin/"
ln -s busybox "$work/rootfs/bin/true"
(cd "$work" && runc spec)
sed -i 's/"terminal": true/"terminal": false/; s#"sh"#"/bin/true"#; s/"readonly": true/"readonly": false/' "$work/config.json"
binds=''
for name in hosts hostname resolv.conf; do
    binds+='{"destination": "/etc/'$name'", "type": "bind", "source": "'$name'", "options": ["bind", "rw"]},'
done
sed 's#"path": "rootfs"#"path": "root"#; s#"mounts": \[#"mounts": ['"$binds"'#' "$work/config.json" >"$work/engine.json"

starts() { # starts NAME THREADS -> "median p99 per-second start"
    local java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$JAR" "$ROOT_DIR/bench/ContainerStarts.java" "$work/rootfs" "$work/state" "$CYCLES" "$2")
    local without_v2=(unshare --mount bash -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' -)
    case $1 in
        starling) "${java[@]}" starling 2>/dev/null ;;
        crun-engine) "${without_v2[@]}" "${java[@]}" engine crun run ;;
        crun) "${without_v2[@]}" "${java[@]}" command crun run --bundle "$work" ;;
        runc) "${java[@]}" command runc run --bundle "$work" 2>/dev/null ;;
    esac
}
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
column() { cut -d' ' -f"$2" "$work/$1" | median; } # column FILE FIELD

RUNTIMES=(starling crun-engine crun runc)
for ((round = 1; round <= ROUNDS; round++)); do
    for threads in 1 8; do
        for runtime in "${RUNTIMES[@]}"; do starts "$runtime" "$threads" >>"$work/$runtime.$threads"; done
    done
done
printf '%-12s %18s %10s %16s   (%d rounds of %d, load average %s)\n' '' 'one cycle p50 ms' 'p99 ms' '8 at once, 1/s' "$ROUNDS" "$CYCLES" "$(cut -d' ' -f1 /proc/loadavg)"
for runtime in "${RUNTIMES[@]}"; do
    printf '%-12s %18s %10s %16s\n' "$runtime" "$(column "$runtime.1" 1)" "$(column "$runtime.1" 2)" "$(column "$runtime.8" 3)"
done
printf 'of which Starling'"'"'s start alone, until exec: %s ms\n' "$(column starling.1 4)"
for other in crun-engine crun; do
    awk -v own="$(column starling.1 1)" -v crun="$(column "$other.1" 1)" -v own8="$(column starling.8 3)" -v crun8="$(column "$other.8" 3)" -v name="$other" \
        'BEGIN {printf "starling / %s: %.2f of the time, %.2f times the starts a second at 8 at once\n", name, own / crun, own8 / crun8}'
done
