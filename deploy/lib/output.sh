# How the scripts speak: calm lines on standard output, problems on standard error, colours only where somebody looks.
# shellcheck shell=bash

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' RESET=$'\e[0m'
else
    BOLD='' DIM='' GREEN='' RED='' RESET=''
fi

say() { printf '%s\n' "$*"; }
step() { printf '%s==>%s %s\n' "$BOLD" "$RESET" "$*"; }
note() { printf '    %s%s%s\n' "$DIM" "$*" "$RESET"; }
problem() { printf '%sstarling:%s %s\n' "$RED" "$RESET" "$*" >&2; }
die() { problem "$*"; exit 1; }

# Milliseconds of a clock that nobody sets.
now_millis() {
    local uptime idle
    read -r uptime idle </proc/uptime
    printf '%d' $((${uptime%.*} * 1000 + 10#${uptime#*.} * 10))
}

# 12345 -> 12.3 s
seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# wait_until LIMIT_SECONDS COMMAND...: runs COMMAND until it succeeds; 1 when the limit has passed, or PATIENCE times the limit where that is set.
wait_until() {
    local deadline=$(($(now_millis) + $1 * 1000 * ${PATIENCE:-1}))
    shift
    until "$@"; do
        (($(now_millis) < deadline)) || return 1
        sleep 0.1
    done
}
