#!/bin/bash
# Places slots (100 a node) from empty with whole nodes in the simulator (docs/SCHEDULER.md, "Numbers").
#   bench/large-placement.sh NODES SERVICES [WRITERS] [SEED] [SLOTS_A_NODE]     e.g. 100 10; WRITERS: managers at which services are created at one time
# Every node holds every task and plans for itself, in one thread: work and memory grow with the square of the nodes (100: 0.1 GiB after a collection, 250: 0.3; 1,000: 5.7, HEAP=10g).
# How far it is goes to stderr. A long run: nice -n 19.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
mvn -q -o -DskipTests -pl chaos-tests -am package
exec java -XX:+UseSerialGC "-Xmx${HEAP:-6g}" -cp node/target/starling.jar:chaos-tests/target/classes:gossip/target/test-classes \
    dev.starling.chaos.LargePlacement "$@"
