#!/bin/bash
# Runs the test suite on an emulated arm64: Debian's JVM and libraries for arm64 in a tree of taken-apart packages below target/ (nothing is installed, no
# foreign architecture is added), under qemu-user (package qemu-user-static), as it is: root. Maven and the compiler stay this machine's own; so do the programs that tests start
# (mount, ip, nft ...), for qemu-user hands execve on to the machine's kernel. All in namespaces of its own (mounts, processes, network, host name): what a test
# leaves behind ends with them.
#
#   deploy/arm64/test.sh [MODULE[:CLASS]]...      all modules, or these; CLASS may have a * in it: runtime-shim:dev.starling.runtime.image.*
#   ARM64_CLASS_SECONDS=300                       a class that takes longer is given up, and said
#
# What cannot run there, with the reasons, stands in cannot-run.txt: classes that are listed and not run, and messages by which a test tells that the emulator
# lacks what it needs. Anything else that fails fails the script. Needs the compiled tests
# (mvn -o -DskipTests package). Slow, five to thirty times as long as without, so no part of ./check; docs/ARM64.md has what was seen.
set -uo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=../lib/output.sh
. "$ROOT_DIR/deploy/lib/output.sh"
WORK=$ROOT_DIR/target/arm64
TREE=$WORK/root
CANNOT_RUN=$ROOT_DIR/deploy/arm64/cannot-run.txt
CLASS_SECONDS=${ARM64_CLASS_SECONDS:-300}
MODULES=(gossip scheduler netlink runtime-shim node chaos-tests)
PACKAGES=(openjdk-17-jre-headless libc6 libssl3)

((EUID == 0)) || die "namespaces of its own need root"
QEMU=$(command -v qemu-aarch64-static) || die "no qemu-aarch64-static: apt-get install qemu-user-static"

make_tree() {
    local apt=$WORK/apt package
    step "arm64 packages: ${PACKAGES[*]} and what they need"
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$TREE.new"
    : >"$apt/status"
    local options=(-q -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Architecture=arm64
        -o APT::Architectures=arm64 -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update >"$apt/log" 2>&1 &&
        apt-get "${options[@]}" install --yes --download-only --no-install-recommends "${PACKAGES[@]}" >>"$apt/log" 2>&1 ||
        die "arm64 packages cannot be fetched: $(tail -n 1 "$apt/log")"
    for package in "$apt"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$TREE.new" || die "$package cannot be unpacked"
    done
    # java.security and the like are links to /etc, which is this machine's
    find "$TREE.new/usr/lib/jvm" -type l -lname '/*' | while read -r link; do
        ln -sfn "$TREE$(readlink "$link")" "$link"
    done
    mv "$TREE.new" "$TREE"
}

# The classpath of a module's tests, as Maven has it.
classpath() {
    local file=$WORK/$1.classpath
    if [[ ! -f $file || $ROOT_DIR/pom.xml -nt $file || $ROOT_DIR/$1/pom.xml -nt $file ]]; then
        mvn -q -f "$ROOT_DIR/pom.xml" test-compile dependency:build-classpath -Dmdep.includeScope=test -Dmdep.outputFile=target/test.classpath >"$WORK/maven.log" 2>&1 ||
            die "Maven does not tell the classpath: $(grep -m 1 ERROR "$WORK/maven.log")"
        for module in "${MODULES[@]}"; do
            cp "$ROOT_DIR/$module/target/test.classpath" "$WORK/$module.classpath"
        done
    fi
    printf '%s/%s/target/test-classes:%s/%s/target/classes:%s' "$ROOT_DIR" "$1" "$ROOT_DIR" "$1" "$(<"$file")"
}

# The reason why CLASS cannot run; fails where it can.
cannot_run() {
    local kind pattern reason
    while IFS='|' read -r kind pattern reason; do
        # shellcheck disable=SC2053
        [[ $kind == class && $1 == $pattern ]] && { printf '%s' "$reason"; return 0; }
    done <"$CANNOT_RUN"
    return 1
}

# Failures whose message tells that the emulator is why become "cannot".
sort_out() {
    awk -F'\t' -v OFS='\t' -v list="$CANNOT_RUN" '
        BEGIN { while ((getline line < list) > 0) { if (line ~ /^says\|/) { split(line, part, "|"); message[++n] = part[2]; why[n] = part[3] } } }
        $1 == "failed" { for (i = 1; i <= n; i++) if ($3 ~ message[i]) { $1 = "cannot"; $3 = why[i]; break } }
        { print }' "$1" >"$1.new" && mv "$1.new" "$1"
}

run_module() {
    local module=$1 wanted=$2 results=$WORK/$1.results path class reason rest=()
    path=$(classpath "$module") || exit 1
    mkdir -p "$WORK/classes"
    javac -d "$WORK/classes" -cp "$path" "$ROOT_DIR/deploy/arm64/TestRun.java" || die "TestRun.java does not compile"
    : >"$results"
    while read -r class; do
        # shellcheck disable=SC2053
        [[ $class == $wanted ]] || continue
        if reason=$(cannot_run "$class"); then
            printf 'cannot\t%s\t%s\n' "$class" "$reason" >>"$results"
        else
            rest+=("$class")
        fi
    done < <(cd "$ROOT_DIR/$module/target/test-classes" && find . -name '*Test.class' -printf '%P\n' | sed 's#\.class$##; s#/#.#g' | sort)
    while ((${#rest[@]} > 0)); do
        (cd "$ROOT_DIR/$module" && unshare --mount --pid --fork --kill-child --mount-proc --net --uts --ipc -- \
            sh -c 'ip link set lo up; exec "$@"' sh "$QEMU" -L "$TREE" "$TREE/usr/lib/jvm/java-17-openjdk-arm64/bin/java" \
            -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx1g -XX:-UsePerfData -Djdk.lang.Process.launchMechanism=VFORK -Djqwik.reporting.onlyfailures=true \
            --add-opens java.base/java.util=ALL-UNNAMED --add-opens java.base/java.util.concurrent.atomic=ALL-UNNAMED \
            -cp "$WORK/classes:$path" TestRun "$results" "$CLASS_SECONDS" "${rest[@]}") </dev/null >>"$WORK/$module.log" 2>&1
        local status=$? left=()
        for class in "${rest[@]}"; do
            grep -q "^class	$class	" "$results" || left+=("$class")
        done
        if ((${#left[@]} > 0)) && ! grep -q "^late	${left[0]}	" "$results"; then # the JVM ended in the first of those
            printf 'failed\t%s\tthe JVM ended with status %s: %s\n' "${left[0]}" "$status" "$WORK/$module.log" >>"$results"
        fi
        rest=("${left[@]:1}") # what was late is not tried again
    done
    sort_out "$results"
}

count() { grep -c "^$2	" "$WORK/$1.results"; }

[[ -d $TREE ]] || make_tree
"$QEMU" -L "$TREE" "$TREE/usr/lib/jvm/java-17-openjdk-arm64/bin/java" -version 2>&1 | sed -n 2p
(($# > 0)) || set -- "${MODULES[@]}"
failed=0
for argument in "$@"; do
    module=${argument%%:*} wanted='*'
    [[ $argument != *:* ]] || wanted=${argument#*:}
    [[ -d $ROOT_DIR/$module/target/test-classes ]] || die "there are no compiled tests of '$module': mvn -o -DskipTests package"
    begin=$(now_millis)
    run_module "$module" "$wanted"
    step "$module: $(count "$module" passed) passed, $(count "$module" failed) failed, $(count "$module" skipped) skipped, $(count "$module" cannot) cannot run here, $(count "$module" late) classes not over in time, $(seconds $(($(now_millis) - begin)))"
    grep '^failed	' "$WORK/$module.results" | while IFS=$'\t' read -r _ name reason; do note "failed: $name: $reason"; done
    grep '^late	' "$WORK/$module.results" | while IFS=$'\t' read -r _ name reason; do note "$name: $reason"; done
    for what in cannot skipped; do # by reason
        grep "^$what	" "$WORK/$module.results" | cut -f3 | sort | uniq -c | sort -rn | while read -r times reason; do note "$what: $times: $reason"; done
    done
    (($(count "$module" failed) == 0)) || failed=1
done
exit $failed
