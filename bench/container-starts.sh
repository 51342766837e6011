#!/bin/bash
# How long a container of /bin/true takes (create, start, wait, delete), one at a time and eight at once: Starling's runtime beside crun and runc (Debian's
# packages, installed if they are missing) on the same root file system, one after the other in several rounds. Medians over the rounds, and the ratio.
#
#   bench/container-starts.sh [CYCLES a round, default 100] [ROUNDS, default 3]      needs root, busybox-static, node/target/starling.jar
#
# crun 1.8 refuses to run where cgroup version 1 and 2 are both mounted. There it gets a mount namespace of its own without the version 2 tree.
set -euo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
JAR=$ROOT_DIR/node/target/starling.jar
CYCLES=${1:-100}
ROUNDS=${2:-3}

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
mkdir -p "$work/rootfs/bin"
cp /bin/busybox "$work/rootfs/bin/"
ln -s busybox "$work/rootfs/bin/true"
(cd "$work" && runc spec)
sed -i 's/"terminal": true/"terminal": false/; s#"sh"#"/bin/true"#' "$work/config.json"

starts() { # starts NAME THREADS -> "median p99 per-second"
    local java=(java -XX:TieredStopAtLevel=1 -cp "$JAR" "$ROOT_DIR/bench/ContainerStarts.java" "$work/rootfs" "$work/state" "$CYCLES" "$2")
    case $1 in
        starling) "${java[@]}" 2>/dev/null ;;
        runc) "${java[@]}" runc run --bundle "$work" 2>/dev/null ;;
        crun) unshare --mount bash -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' - "${java[@]}" crun run --bundle "$work" ;;
    esac
}
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

for ((round = 1; round <= ROUNDS; round++)); do
    for runtime in starling crun runc; do
        starts "$runtime" 1 >>"$work/$runtime.1"
        starts "$runtime" 8 >>"$work/$runtime.8"
    done
done
printf '%-10s %22s %12s %18s   (%d rounds of %d)\n' '' 'one cycle p50 ms' 'p99 ms' '8 at once, 1/s' "$ROUNDS" "$CYCLES"
for runtime in starling crun runc; do
    printf '%-10s %22s %12s %18s\n' "$runtime" "$(cut -d' ' -f1 "$work/$runtime.1" | median)" "$(cut -d' ' -f2 "$work/$runtime.1" | median)" \
        "$(cut -d' ' -f3 "$work/$runtime.8" | median)"
done
awk -v own="$(cut -d' ' -f1 "$work/starling.1" | median)" -v crun="$(cut -d' ' -f1 "$work/crun.1" | median)" \
    -v own8="$(cut -d' ' -f3 "$work/starling.8" | median)" -v crun8="$(cut -d' ' -f3 "$work/crun.8" | median)" \
    'BEGIN {printf "starling / crun: %.2f of the time, %.2f times the starts a second at 8 at once\n", own / crun, own8 / crun8}'
