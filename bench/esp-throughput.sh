#!/bin/bash
# TCP between containers on two hosts through an encrypted overlay network, beside the same through hand-made associations (`ip xfrm`) with the same cipher on the same
# kernel, in turn. In User-Mode Linux, since its kernel surely has ESP; it has one CPU, so the absolute numbers say little. Needs iperf3.
# usage: bench/esp-throughput.sh [RUNS]
ROOT_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
command -v iperf3 >/dev/null || { echo "iperf3 is missing: apt-get install iperf3"; exit 1; }
mkdir -p "$ROOT_DIR/target"
script=$(mktemp "$ROOT_DIR/target/esp-throughput.XXXXXX") # what is outside the checkout is not seen inside
trap 'rm -f "$script"' EXIT
echo "RUNS=${1:-15} exec bash '$ROOT_DIR/bench/in-uml-esp-throughput.sh'" >"$script"
bash "$ROOT_DIR/deploy/uml/run.sh" "$script" 230
