#!/bin/bash
# Measures the gossip machine in its simulator at length (docs/GOSSIP.md, "What was measured") and draws docs/gossip-idle-traffic.svg.
# Takes about 10 minutes and 8 GB of memory, most of it for 5,000 nodes.
#   bench/gossip-scale.sh            everything
#   bench/gossip-scale.sh WHAT SIZE COUNT    one measurement: crash, change (COUNT of them), stalls (COUNT hours), idle (COUNT seconds), join;
#                                    crash SIZE COUNT MANAGERS with another number of managers than 3
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

mvn -q -o -pl gossip test-compile
repository=$(mvn -q -o help:evaluate -Dexpression=settings.localRepository -DforceStdout 2>/dev/null) || repository=$HOME/.m2/repository
kryo=$(find "$repository/com/esotericsoftware/kryo/kryo5" -name 'kryo5-*.jar' | sort -V | tail -n 1)
[[ -n $kryo ]] || { echo "kryo5 is not in $repository: run 'mvn -pl gossip test-compile' once with a network" >&2; exit 1; }

measure() {
    java -XX:+UseSerialGC -Xmx8g -cp "gossip/target/test-classes:gossip/target/classes:$kryo" dev.starling.gossip.sim.ClusterMeasurements "$@"
}

if (($#)); then
    measure "$@"
    exit
fi
measure crash 5 500
measure crash 50 500
measure crash 1000 30
measure change 50 300
measure change 1000 50
measure stalls 50 6
measure join 1000
{
    echo 'kind,nodes,messages,payload,wire,most'
    for size in 5 50 500; do measure idle "$size" 60; done
    measure idle 5000 10
} | tee bench/gossip-idle-traffic.csv
java bench/GossipIdlePlot.java bench/gossip-idle-traffic.csv docs/gossip-idle-traffic.svg
