#!/bin/bash
# Runs a script as root on another kernel: User-Mode Linux (Debian's package user-mode-linux, taken apart into target/tools, not installed).
# It has what the machine's own kernel may lack: cgroup v2 with its controllers, ESP, netem. The machine's root is there, read-only, below a
# tmpfs: nothing that the script writes stays. usage: deploy/uml/run.sh SCRIPT [SECONDS]; ends with the script's exit code, 124 on time-out.
set -uo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=../lib/output.sh
. "$ROOT_DIR/deploy/lib/output.sh"

SCRIPT=$(readlink -f "${1:?which script}") LIMIT=${2:-240}
TOOLS=$ROOT_DIR/target/tools/uml
[[ $(uname -m) == x86_64 ]] || die "User-Mode Linux is for x86_64 only, this is $(uname -m)"

mkdir -p "$TOOLS" || exit 1
exec 9>"$TOOLS/lock" && flock 9 # of several that begin at once the first one fetches
if [[ ! -x $TOOLS/usr/bin/linux.uml ]]; then
    cd "$TOOLS" || exit 1
    apt-get download -q user-mode-linux >apt.log 2>&1 || { apt-get update -q >>apt.log 2>&1 && apt-get download -q user-mode-linux >>apt.log 2>&1; } \
        || die "apt-get download user-mode-linux: $(tail -n 1 apt.log)"
    dpkg-deb -x user-mode-linux_*.deb . || die "user-mode-linux cannot be unpacked"
    cd "$ROOT_DIR" || exit 1
fi

# what loads AppArmor profiles; without it a script leaves AppArmor out
if [[ ! -x $TOOLS/../apparmor/sbin/apparmor_parser ]] && mkdir -p "$TOOLS/../apparmor" && cd "$TOOLS/../apparmor"; then
    apt-get download -q apparmor >apt.log 2>&1 && dpkg-deb -x apparmor_*.deb . || problem "no AppArmor parser: $(tail -n 1 apt.log)"
    cd "$ROOT_DIR" || exit 1
fi

exec 9>&-

output=$(mktemp)
trap 'rm -f "$output"' EXIT
# its own tmpfs file for memory, its own id: several may run
timeout --kill-after=5 "$LIMIT" "$TOOLS/usr/bin/linux.uml" mem=1536M rootfstype=hostfs rootflags=/ ro quiet \
    init="$ROOT_DIR/deploy/uml/init.sh" lsm=apparmor apparmor=1 con=null con0=null,fd:1 ssl=null loglevel=3 umid="starling-$$" \
    "starling.tools=$TOOLS" "starling.script=$SCRIPT" </dev/null 2>&1 | tee "$output" | grep -v '^STARLING-EXIT '
((PIPESTATUS[0] != 124)) || { problem "not done after $LIMIT s"; exit 124; }
code=$(sed -n 's/^STARLING-EXIT \([0-9]*\).*/\1/p' "$output" | tail -n 1)
exit "${code:-1}"
