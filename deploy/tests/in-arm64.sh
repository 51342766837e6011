#!/bin/bash
# Runs tests in an emulated arm64: Debian's JVM for arm64 from a tree of taken-apart packages (target/tools/arm64, nothing is installed), under qemu-user
# (package qemu-user-static). Maven and the compiler stay this machine's own; what is emulated is the JVM that runs the tests, so no binfmt_misc is needed.
# What cannot run there, and why, is in docs/OPERATIONS.md ("On arm64"). Slow: ten to thirty times as long.
# usage: deploy/tests/in-arm64.sh [MODULE TESTS]...   e.g. gossip 'SwimTest,MessageCodecTest'; without arguments those known to pass
set -uo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=../lib/output.sh
. "$ROOT_DIR/deploy/lib/output.sh"
TREE=$ROOT_DIR/target/tools/arm64
QEMU=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || die "no qemu-aarch64-static: install the package qemu-user-static"

make_tree() {
    local apt=$TREE/apt package
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$TREE/root" "$TREE/bin"
    : >"$apt/status"
    local options=(-q -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Architecture=arm64
        -o APT::Architectures=arm64 -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update >"$apt/log" 2>&1 && apt-get "${options[@]}" install --yes --download-only --no-install-recommends \
        openjdk-17-jre-headless >>"$apt/log" 2>&1 || die "arm64 packages: $(tail -n 1 "$apt/log")"
    for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$TREE/root" || die "$package cannot be unpacked"; done
    # Debian's java.security and the like live below /etc, reached by links that would lead to this machine's
    find "$TREE/root/usr/lib/jvm" -type l -lname '/*' | while read -r link; do ln -sfn "$TREE/root$(readlink "$link")" "$link"; done
    cat >"$TREE/bin/java" <<WRAPPER
#!/bin/sh
exec "$QEMU" -L "$TREE/root" "$TREE/root/usr/lib/jvm/java-17-openjdk-arm64/bin/java" "\$@"
WRAPPER
    chmod +x "$TREE/bin/java"
}

[[ -x $TREE/bin/java ]] || make_tree
"$TREE/bin/java" -version 2>&1 | head -n 1
(($# > 0)) || set -- gossip '*' scheduler '*'
failed=0
while (($# > 0)); do
    module=$1 tests=$2
    shift 2
    # the forked JVM begins its command with its own path: the wrapper's
    if mvn -q -o -f "$ROOT_DIR/pom.xml" -pl "$module" -am test -Djvm="$TREE/bin/java" -Dtest="$tests" -Dsurefire.failIfNoSpecifiedTests=false; then
        echo "$module: $tests pass on arm64"
    else
        problem "$module: $tests do not all pass on arm64"
        failed=1
    fi
done
exit $failed
