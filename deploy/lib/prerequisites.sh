# What has to be there before anything starts, checked by trying it, and said in one go where it is missing.
# Needs: ROOT_DIR, output.sh.
# shellcheck shell=bash

TOOLS_DIR=$ROOT_DIR/target/tools
JAR=$ROOT_DIR/node/target/starling.jar
PATH=$PATH:/usr/sbin:/sbin:$TOOLS_DIR

require_java() {
    local java=${JAVA_HOME:+$JAVA_HOME/bin/}java version
    command -v "$java" >/dev/null || die "java is missing: apt-get install openjdk-17-jdk-headless"
    version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p;T;q')
    [[ $version =~ ^[0-9]+$ ]] || die "'$java -version' does not say which version it is"
    ((version >= 17)) || die "Java 17 or newer is needed, $java is version $version"
    JAVA=$java
}

require_root() {
    ((EUID == 0)) || die "'./starling $1' makes network namespaces and containers, so it has to be run as root (sudo ./starling $1)"
}

# The jar is built where it is missing or older than a source, so that nobody measures yesterday's program.
require_jar() {
    local reason=''
    if [[ ! -f $JAR ]]; then
        reason="it is not there yet"
    elif [[ -d $ROOT_DIR/node/src && -n $(find "$ROOT_DIR" -path "$ROOT_DIR/chaos-tests" -prune -o \
            \( -path '*/src/main/*' -o -name pom.xml \) -type f -newer "$JAR" -print -quit) ]]; then
        reason="sources are newer"
    fi
    [[ -n $reason ]] || return 0
    command -v mvn >/dev/null || die "node/target/starling.jar: $reason, and Maven, which builds it, is missing: apt-get install maven"
    step "building node/target/starling.jar ($reason; the first time Maven downloads what it needs)" >&2
    (cd "$ROOT_DIR" && mvn -q -B -ntp -DskipTests -pl node -am package >&2) || die "the build failed (see above)"
    [[ -f $JAR ]] || die "the build left no $JAR"
    touch "$JAR"
}

# Debian packages, where the commands come from that the lab uses.
require_commands() {
    local entry missing=()
    for entry in ip:iproute2 bridge:iproute2 nsenter:util-linux unshare:util-linux flock:util-linux setsid:util-linux ps:procps; do
        command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
    done
    ((${#missing[@]} == 0)) || die "commands are missing: apt-get install$(printf ' %s\n' "${missing[@]}" | sort -u | tr -d '\n')"
    borrow docker usr/bin/docker docker-cli docker.io
    borrow busybox bin/busybox busybox-static
}

# For tests: the registry, without the service that its package starts.
require_registry() {
    borrow docker-registry usr/bin/docker-registry docker-registry
}

# borrow COMMAND PATH PACKAGE...: where COMMAND is missing, takes the file out of the first Debian package that has it. Nothing
# is installed: the docker CLI comes in one package with an engine that would start and change the machine's firewall, and
# busybox-static would push out busybox.
borrow() {
    local command=$1 path=$2 package dir found
    shift 2
    [[ $command == busybox ]] && static_busybox >/dev/null && return
    [[ $command != busybox ]] && command -v "$command" >/dev/null && return
    command -v apt-get >/dev/null || die "'$command' is missing, and there is no apt-get to take it from ($*)"
    step "taking '$command' out of its Debian package into target/tools (nothing is installed)" >&2
    mkdir -p "$TOOLS_DIR"
    dir=$(mktemp -d "$TOOLS_DIR/unpack.XXXXXX")
    for package in "$@"; do
        if (cd "$dir" && apt_download "$package" && dpkg-deb -x ./*.deb .) >"$TOOLS_DIR/apt.log" 2>&1; then
            found=$(find "$dir" -path "*/$path" -type f -print -quit)
            [[ -n $found ]] && mv "$found" "$TOOLS_DIR/$command" && break
        fi
        rm -f "$dir"/*.deb
    done
    rm -rf "$dir"
    [[ -x $TOOLS_DIR/$command ]] || die "'$command' is missing and could not be downloaded: $(tail -n 1 "$TOOLS_DIR/apt.log"); apt-get install $1"
}

apt_download() {
    apt-get download "$1" || { apt-get update && apt-get download "$1"; }
}

# A busybox without shared libraries, since an image is made of that one file.
static_busybox() {
    local candidate
    for candidate in "$TOOLS_DIR/busybox" /bin/busybox /usr/bin/busybox; do
        if [[ -x $candidate ]] && ! ldd "$candidate" >/dev/null 2>&1; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    return 1
}

# Tries each kernel feature in namespaces of its own that are gone when the shell in them ends.
require_kernel() {
    local missing
    missing=$(unshare --net --mount bash 2>&1 <<'PROBE'
try() { local what=$1; shift; "$@" >/dev/null 2>&1 || printf '%s; ' "$what"; }
try "bridge devices (CONFIG_BRIDGE)" ip link add br0 type bridge
try "veth pairs (CONFIG_VETH)" ip link add v0 type veth peer name v1
try "VXLAN devices (CONFIG_VXLAN)" ip link add vx0 type vxlan id 42 local 127.0.0.1 dstport 4789
dir=$(mktemp -d)
trap 'umount -R "$dir" 2>/dev/null; rmdir "$dir"' EXIT
try "tmpfs" mount -t tmpfs tmpfs "$dir"
mkdir "$dir/lower" "$dir/upper" "$dir/work" "$dir/root"
try "overlayfs (CONFIG_OVERLAY_FS)" mount -t overlay overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
try "pid, uts and ipc namespaces" unshare --pid --fork --uts --ipc true
for controller in memory pids cpu; do
    try "the cgroup controller '$controller'" bash -c "
        test -d /sys/fs/cgroup/$controller || grep -qw $controller /sys/fs/cgroup/cgroup.controllers"
done
PROBE
    ) || missing="network and mount namespaces (unshare: ${missing:-failed}); "
    [[ -z $missing ]] || die "this kernel, or the container this runs in, lacks: ${missing%; }"
}

# Everything that the lab and the demo need; the argument is the command for the text about root.
require_lab() {
    require_root "$1"
    require_commands
    require_kernel
    require_java
    require_jar
}
