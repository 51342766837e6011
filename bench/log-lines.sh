#!/bin/bash
# How many lines containers may log in a second, and what each costs the agent: short lines in large writes, lines of 200 characters one write each, both with one
# container and with four at once. Where several jars are given they take turns, so that what else the machine does meets all of them alike.
#
#   bench/log-lines.sh [ROUNDS, default 5] [JAR...]
#   needs root, busybox-static, node/target/starling.jar; BENCH_DIRECTORY is where the state and the logs lie (default /tmp); LOG_MODE=non-blocking for that mode
set -euo pipefail
ROOT_DIR=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
ROUNDS=${1:-5}
JARS=("${@:2}")
[[ ${#JARS[@]} -gt 0 ]] || JARS=("$ROOT_DIR/node/target/starling.jar")

for jar in "${JARS[@]}"; do [[ -f $jar ]] || { echo "there is no $jar: mvn -DskipTests package" >&2; exit 1; }; done
source "$ROOT_DIR/bench/container-work.sh"
for i in "${!JARS[@]}"; do compile_image "${JARS[i]}" "$work/classes$i"; done

line=$(printf 'x%.0s' {1..200})
declare -A SCRIPTS=(
    [short]='busybox seq 1 300000'
    [long]="i=0; while [ \$i -lt 30000 ]; do echo $line; i=\$((i + 1)); done"
)
echo "load average before: $(cut -d' ' -f1 /proc/loadavg)"
for ((round = 0; round < ROUNDS; round++)); do
    for kind in short long; do
        for containers in 1 4; do
            for i in "${!JARS[@]}"; do
                rm -rf "$work/state"
                printf '%s %s %s ' "$kind" "$containers" "${JARS[i]}"
                java -Xmx48m -Xmn6m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "${JARS[i]}:$work/classes$i" "$ROOT_DIR/bench/LogLines.java" \
                    "$work" "$containers" "${SCRIPTS[$kind]}" "${LOG_MODE:-blocking}" 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }
            done
        done
    done
done >"$work/result"
awk -v rounds="$ROUNDS" '
    function median(list, count, numbers) {
        count = split(list, numbers, " ")
        for (i = 2; i <= count; i++) for (j = i; j > 1 && numbers[j] + 0 < numbers[j - 1] + 0; j--) {swapped = numbers[j]; numbers[j] = numbers[j - 1]; numbers[j - 1] = swapped}
        return numbers[int((count + 1) / 2)]
    }
    {key = sprintf("%-6s %d at once  %s", $1, $2, $3); if (!(key in rates)) keys[++last] = key; rates[key] = rates[key] " " $4; costs[key] = costs[key] " " $5}
    END {for (k = 1; k <= last; k++) printf "%9d lines/s  %6.2f us of the agent a line  %s   (median of %d)\n", median(rates[keys[k]]), median(costs[keys[k]]), keys[k], rounds}' "$work/result"
