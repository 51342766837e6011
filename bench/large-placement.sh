#!/bin/bash
# Places 100 slots a node from empty with whole nodes in the simulator (docs/SCHEDULER.md, "Numbers").
#   bench/large-placement.sh NODES SERVICES [WRITERS] [SEED]     e.g. 100 10; WRITERS: managers at which services are created at one time
# Every node holds every task in one heap: 50 nodes take 0.6 GiB, and it grows with the square of the nodes.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
mvn -q -o -DskipTests -pl chaos-tests -am package
exec java -XX:+UseSerialGC "-Xmx${HEAP:-6g}" -cp node/target/starling.jar:chaos-tests/target/classes:gossip/target/test-classes \
    dev.starling.chaos.LargePlacement "$@"
