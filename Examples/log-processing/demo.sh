#!/usr/bin/env bash
# The log-processing application against real servers and one node, all on this machine and all stopped at the end.
# Usage: demo.sh [CLASS]   the function class to register into (process); expects a built node, see `./dev demo`.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/Examples/log-processing
class=${1:-process}
. "$here/services.sh"

work=$(mktemp -d)
services_pid='' node_pid=''
stop() {
    local pid
    for pid in $node_pid $services_pid; do kill "$pid" 2> /dev/null || true; done
    for pid in $node_pid $services_pid; do wait "$pid" 2> /dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

step() { printf '\n== %s\n' "$*"; }

start_node() {
    local attempt port
    port=$(free_ports 1)
    "$root/.build/release/dandelion" serve --config "$root/Config/dandelion.toml" --listen "127.0.0.1:$port" \
        --state "$work/state" > "$work/node.out" 2> "$work/node.err" &
    node_pid=$!
    node=http://127.0.0.1:$port
    for ((attempt = 0; attempt < 300; attempt++)); do
        grep -q '^Socket ready' "$work/node.out" && return
        kill -0 "$node_pid" 2> /dev/null || break
        sleep 0.1
    done
    cat "$work/node.out" "$work/node.err" >&2
    return 1
}

# put PATH FILE: registers, and tells the node's answer when it refuses.
put() {
    curl --silent --show-error --fail-with-body --upload-file "$2" "$node/v1/$1" > "$work/answer" || {
        cat "$work/answer" >&2
        return 1
    }
}

# function_named NAME INPUTS OUTPUTS: compiles and registers one function.
function_named() {
    local file=${1,,}
    clang --config="$work/sdk/dandelion-freestanding.cfg" "$here/$file.c" -o "$work/$file"
    put "functions/$1?class=$class&inputs=$2&outputs=$3" "$work/$file"
    printf '%-8s %-26s -> %-20s %6d bytes, class %s\n' "$1" "$2" "$3" "$(stat -c %s "$work/$file")" "$class"
}

# invoke TOKEN: runs the application; the report goes to the terminal, the reply's head to $work/head.
invoke() {
    curl --silent --show-error --fail-with-body --dump-header "$work/head" -H 'Accept: application/octet-stream' \
        --form "token=$1" --form "service=$auth_url" "$node/v1/invoke/LogProcessing"
}

# The stages of the last invocation, summed over its sandboxes and requests.
timeline() {
    tr -d '\r' < "$work/head" | sed -n 's/^[Ss]erver-[Tt]iming: //p' | tr ',' '\n' | sed 's/^ *//' |
        awk -F'[;=]' '$2 == "dur" { printf "%-15s %10.3f ms\n", $1, $3 } $2 == "desc" { printf "%-15s %10d\n", $1, $3 }'
}

step 'Services: an authorisation endpoint and ten web sites'
start_services "$work/services"
load_services "$work/services" 300
echo "authorisation at $auth_url, $site_count sites, $(cat "$work"/services/site-*.log | wc -l) requests served and logged"

step 'Node'
start_node
echo "listening at $node"

step 'Functions and the composition'
"$root/SDK/build.sh" --freestanding "$work/sdk" > /dev/null
function_named Access token,service request
function_named FanOut headers,bodies requests,failures
function_named Render headers,bodies,failures report
put compositions/LogProcessing "$here/log.dandelion"
echo 'LogProcessing: Access -> HTTP -> FanOut -> HTTP each -> Render'

step 'Invoked with the right token'
invoke "$good_token"
step 'Where the time went'
timeline

step 'The same again, everything warm'
invoke "$good_token" > /dev/null
timeline

step 'Invoked with a wrong token'
invoke wrong
step 'Stopping everything'
