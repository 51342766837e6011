#!/bin/bash
# Random runs of the simulator, many of them (docs/SCHEDULER.md, "What the tests hold it to"). Ends with 1 where one failed.
#   bench/random-runs.sh FIRST COUNT [THREADS]     e.g. 1 10000 2
# It runs from a copy, so that the tree may be edited and built meanwhile.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
mvn -q -o -DskipTests -pl chaos-tests -am package
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r node/target/starling.jar chaos-tests/target/classes gossip/target/test-classes "$copy"
nice -n 19 java -XX:+UseSerialGC "-Xmx${HEAP:-2g}" -cp "$copy/starling.jar:$copy/classes:$copy/test-classes" dev.starling.chaos.RandomRuns "$@"
