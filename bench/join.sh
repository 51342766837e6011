#!/bin/bash
# How long a joining node takes to have the whole state of a cluster, and with how much heap (docs/GOSSIP.md, "What was measured"). Takes about 10 s
# for each heap.
#   bench/join.sh                                          1,000 services, 100 nodes, 20 tasks a service; 48 to 128 MiB of heap
#   bench/join.sh SERVICES NODES TASKS_PER_SERVICE HEAP_MIB...
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

mvn -q -o -pl node -am -DskipTests package
(($#)) || set -- 1000 100 20 48 64 80 96 128
java -Xmx2g -cp node/target/test-classes:node/target/starling.jar dev.starling.node.agent.JoinMeasurement deploy/jvm.options "$@"
