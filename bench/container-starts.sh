#!/bin/bash
# How long a container of /bin/true takes (create, start, wait, delete), one at a time and eight at once, by one clock: Starling's runtime, crun with what an
# engine does around it, Starling's launcher on the very bundle that crun gets, crun, and runc (Debian's packages, installed if they are missing), in turns.
#
#   bench/container-starts.sh [CYCLES of each, default 200] [ROUNDS of as many eight at once, default 3] [WAY...]
#   needs root, busybox-static, node/target/starling.jar; BENCH_DIRECTORY is where all state lies (default /tmp): /dev/shm for memory instead of a disk
#
# The first two do the same: an overlay over the image, /etc/hosts and its like, the output in a log file, all deleted again. The other three do the same too: they
# run in the bundle's root directory itself and keep no output, only the runtime's own state. Starling's containers have Docker's seccomp filter, which
# the bundle (runc spec) does not ask of crun and runc.
#
# crun 1.8 refuses to run where cgroup version 1 and 2 are both mounted. So all of it is in a mount namespace without the version 2 tree.
set -euo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
JAR=${JAR:-$ROOT_DIR/node/target/starling.jar}
CYCLES=${1:-200}
ROUNDS=${2:-3}
WAYS=("${@:3}")
[[ ${#WAYS[@]} -gt 0 ]] || WAYS=(starling crun-engine starling-bundle crun runc)

[[ -f $JAR ]] || { echo "there is no $JAR: mvn -DskipTests package" >&2; exit 1; }
for tool in crun runc; do
    command -v "$tool" >/dev/null || apt-get install -y --no-install-recommends "$tool" >/dev/null
done
source "$ROOT_DIR/bench/container-work.sh"
compile_image "$JAR" "$work/classes"
ln -s busybox "$work/rootfs/bin/true"
(cd "$work" && runc spec)
sed -i 's/"terminal": true/"terminal": false/; s#"sh"#"/bin/true"#; s/"readonly": true/"readonly": false/' "$work/config.json"
binds=''
for name in hosts hostname resolv.conf; do
    binds+='{"destination": "/etc/'$name'", "type": "bind", "source": "'$name'", "options": ["bind", "rw"]},'
done
sed 's#"path": "rootfs"#"path": "root"#; s#"mounts": \[#"mounts": ['"$binds"'#' "$work/config.json" >"$work/engine.json"

echo "load average before: $(cut -d' ' -f1 /proc/loadavg)"
unshare --mount bash -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' - \
    java ${JAVA_OPTIONS:-} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$JAR:$work/classes" "$ROOT_DIR/bench/ContainerStarts.java" "$work" "$CYCLES" "$ROUNDS" "${WAYS[@]}" \
    2>"$work/errors" >"$work/result" || { cat "$work/errors" >&2; exit 1; }
awk -v cycles="$CYCLES" -v rounds="$ROUNDS" '
    BEGIN {printf "%-16s %14s %10s %16s %16s   (n=%d each, in turns; %d rounds)\n", "", "cycle p50 ms", "p99 ms", "until exec ms", "8 at once, 1/s", cycles, rounds}
    {printf "%-16s %14s %10s %16s %16s\n", $1, $2, $3, $4 == "0.0" ? "" : $4, $5; time[$1] = $2; rate[$1] = $5}
    function ratio(own, other) {
        if (own in time && other in time) printf "%s / %s: %.2f of the time, %.2f times the starts a second\n", own, other, time[own] / time[other], rate[own] / rate[other]
    }
    END {ratio("starling", "crun-engine"); ratio("starling-bundle", "crun"); ratio("starling", "crun")}' "$work/result"
