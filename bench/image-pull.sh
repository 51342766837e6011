#!/bin/bash
# How long an image takes from a registry on this machine until it is unpacked: Starling's pull beside `skopeo copy` + `umoci unpack` (Debian's packages,
# installed if they are missing), in turn, medians over the rounds, and the ratio. The image is made of this machine's own files, in three layers.
#
#   bench/image-pull.sh [MEGABYTES, default 200] [ROUNDS, default 5]      needs root, node/target/starling.jar
#
# IMAGE_PULL_WORK=DIRECTORY keeps the image and the results there: a later run goes on with the same image and counts the rounds of those before; ROUNDS=0
# only makes the image.
#
# Each pull goes to a file system of its own, made anew: ext4 with its journal, in a file below the work directory, mounted by loop. On one file system the later
# rounds take several times as long as the first: an ext4 without a journal does not give the inode of a deleted file away for 5 minutes, and looks at each of
# them for each file that is made (perf: half of the time in recently_deleted() and what it calls); 13,000 were deleted by the round before.
#
# Both end with the files on disk: Starling syncs the file system itself, the others are followed by `sync`. Starling's JVM is a fresh one with the agent's
# options (C1, 48 MB); its start is not counted, since the agent runs already.
set -euo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
JAR=$ROOT_DIR/node/target/starling.jar
MEGABYTES=${1:-200}
ROUNDS=${2:-5}
LAYERS=3
PORT=5479

[[ -f $JAR ]] || { echo "there is no $JAR: mvn -DskipTests package" >&2; exit 1; }
for tool in skopeo umoci docker-registry; do
    command -v "$tool" >/dev/null || apt-get install -y --no-install-recommends "$tool" >/dev/null
done
work=${IMAGE_PULL_WORK:-$(mktemp -d)}
registry=
cleanup() {
    [[ -z $registry ]] || kill "$registry" 2>/dev/null || true
    umount "$work/disk" 2>/dev/null || true
    rm -f "$work/disk.ext4"
    [[ -n ${IMAGE_PULL_WORK:-} ]] || rm -rf "$work"
}
trap cleanup EXIT

mkdir -p "$work/registry"
cat >"$work/registry.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$PORT"}
END
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry=$!

# Files in the order of the file system until there are enough: programs, libraries, texts, as images have them.
make_image() {
    mkdir "$work/image"
    find /usr -xdev -type f -size -20M -printf '%s %p\n' | awk -v layers="$LAYERS" -v each="$((MEGABYTES * 1000000 / LAYERS))" -v to="$work" '
        { layer = int(sum / each); if (layer >= layers) next; sum += $1 + 512; sub(/^[0-9]+ /, ""); print > (to "/files." layer) }'
    names=() diffs=()
    for ((layer = 0; layer < LAYERS; layer++)); do
        tar -cf "$work/image/$layer.tar" -P --transform='s#^/##' -T "$work/files.$layer" 2>/dev/null
        names+=("\"$layer.tar\"")
        diffs+=("\"sha256:$(sha256sum "$work/image/$layer.tar" | cut -d' ' -f1)\"")
    done
    comma() { local IFS=,; echo "$*"; }
    echo "{\"architecture\":\"$(dpkg --print-architecture | sed s/armhf/arm/)\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$(comma "${diffs[@]}")]}}" \
        >"$work/image/config.json"
    echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"bench:1\"],\"Layers\":[$(comma "${names[@]}")]}]" >"$work/image/manifest.json"
    tar -cf "$work/image.tar" -C "$work/image" .
    skopeo --insecure-policy copy -q --dest-tls-verify=false "docker-archive:$work/image.tar" "docker://$reference"
    rm -rf "$work/image" "$work/image.tar"
}
reference=127.0.0.1:$PORT/bench:1
for ((try = 0; try < 50; try++)); do
    curl -sf -o /dev/null "http://127.0.0.1:$PORT/v2/" && break
    sleep 0.1
done
[[ -d $work/registry/docker ]] || make_image
echo "image: $(cat "$work"/files.* | wc -l) files, $MEGABYTES MB, $(du -sm "$work/registry" | cut -f1) MB compressed"
((ROUNDS > 0)) || exit 0

fresh_disk() {
    umount "$work/disk" 2>/dev/null || true
    mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$work/disk.ext4"
    mount -o loop "$work/disk.ext4" "$work/disk"
    sync
}
mkdir -p "$work/disk"
fallocate -l "$((MEGABYTES * 4 + 512))M" "$work/disk.ext4"
now() { date +%s%N; }
for ((round = 1; round <= ROUNDS; round++)); do
    fresh_disk
    java @"$ROOT_DIR/deploy/jvm.options" -cp "$JAR" "$ROOT_DIR/bench/ImagePulls.java" "$work/disk/store" "$reference" >>"$work/starling" 2>"$work/starling.log" ||
        { cat "$work/starling.log" >&2; exit 1; }
    fresh_disk
    begin=$(now)
    skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$reference" "oci:$work/disk/layout:1"
    copied=$(now)
    umoci unpack --image "$work/disk/layout:1" "$work/disk/bundle" >/dev/null 2>&1
    sync -f "$work/disk"
    end=$(now)
    echo "$(((end - begin) / 1000000)) $(((copied - begin) / 1000000))" >>"$work/others"
done
median() { cut -d' ' -f"$2" "$work/$1" | sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
range() { cut -d' ' -f1 "$work/$1" | sort -g | sed -n '1p;$p' | paste -sd-; }
printf '%-28s %8s ms  [%s]  CPU %s ms\n' 'starling pull' "$(median starling 1)" "$(range starling)" "$(median starling 2)"
printf '%-28s %8s ms  [%s]  of it the copy %s ms\n' 'skopeo copy + umoci unpack' "$(median others 1)" "$(range others)" "$(median others 2)"
awk -v own="$(median starling 1)" -v others="$(median others 1)" -v n="$(wc -l <"$work/others")" 'BEGIN {printf "starling / others: %.2f of the time (n=%d)\n", own / others, n}'
