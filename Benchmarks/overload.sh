#!/usr/bin/env bash
# Goodput and latency under 1 to 10 times the load that a node can serve, load generator and node on the same CPUs. Prints
# Markdown. Usage: overload.sh [--class CLASS] [--seconds N] [--iterations N]; expects a built node, see `./dev build`.
#   --iterations: steps of Examples/functions/busy.c; 5000000 take about 5 ms.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
class=process seconds=10 iterations=5000000
while [[ $# -gt 0 ]]; do
    case $1 in
        --class) class=$2 && shift 2 ;;
        --seconds) seconds=$2 && shift 2 ;;
        --iterations) iterations=$2 && shift 2 ;;
        *) echo "overload.sh: unknown option '$1'" >&2 && exit 2 ;;
    esac
done
. "$root/Examples/log-processing/services.sh" # free_ports
node=${DANDELION:-$root/.build/release/dandelion}
work=$(mktemp -d)
node_pid=
trap '[[ -z $node_pid ]] || kill "$node_pid" 2> /dev/null || true; wait || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

cc -std=gnu11 -O2 -Wall -Wextra -Werror "$root/Benchmarks/load/loadgen.c" -o "$work/loadgen"
"$root/SDK/build.sh" --freestanding "$work/sdk" > /dev/null
clang --config="$work/sdk/dandelion-freestanding.cfg" "$root/Examples/functions/busy.c" -o "$work/busy"
printf %s "$iterations" > "$work/iterations"

port=$(free_ports 1)
"$node" serve --config "$root/Config/dandelion.toml" --listen "127.0.0.1:$port" --state "$work/state" > "$work/log" 2>&1 &
node_pid=$!
for ((attempt = 0; attempt < 300; attempt++)); do
    grep -q '^Socket ready' "$work/log" && break
    kill -0 "$node_pid" 2> /dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
curl --silent --show-error --fail-with-body --output "$work/answer" --upload-file "$work/busy" \
    "http://127.0.0.1:$port/v1/functions/busy?class=$class&inputs=in&outputs=out" || { cat "$work/answer" >&2; exit 1; }

load() { # REQUESTS CONNECTIONS [OPTIONS...]: sets the words of the generator's line as variables
    local word
    "$work/loadgen" --port "$port" --path /v1/invoke/busy --body "$work/iterations" --refusals 1 --requests "$1" \
        --warmup 0 --connections "$2" "${@:3}" > "$work/line" || { cat "$work/line" >&2; return 1; }
    for word in $(cat "$work/line"); do printf -v "${word%%=*}" %s "${word#*=}"; done
}
compute() { awk "BEGIN { printf \"%.2f\", ($1) }"; }

load 50 1
single=$p50
# The most that it can: a few connections that always have one more.
load "$(compute "int($seconds * 2e6 / $single)")" 8
capacity=$goodput
cat << HEAD
## Overload: class \`$class\`, a function of $(compute "$single / 1000") ms, $(nproc) CPUs shared with the generator

| load | offered/s | goodput/s | of the peak | refused | p50 ms | p99 ms | p99.9 ms |
|---|---|---|---|---|---|---|---|
HEAD
peak=$capacity
row() { # NAME OFFERED
    printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "$goodput" "$(compute "$goodput / $peak")" "$refused" \
        "$(compute "$p50 / 1000")" "$(compute "$p99 / 1000")" "$(compute "$p999 / 1000")"
}
row 'back to back, 8 connections' -
for factor in 0.8 1 2 5 10; do
    offered=$(compute "$factor * $capacity")
    load "$(compute "int($seconds * $offered)")" 2000 --rate "$offered"
    row "$factor x" "$offered"
done
