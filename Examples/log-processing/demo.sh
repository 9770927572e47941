#!/usr/bin/env bash
# The log-processing application against real servers and one node, all on this machine and all stopped at the end.
#
#   demo.sh [CLASS]          the function class to register into (default); expects a built node, see `./dev demo`
#   demo.sh --check [CLASS]  only checks the arguments
#
# DANDELION names another node than the one of a release build.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/Examples/log-processing
config=$root/Config/dandelion.toml

wrong() {
    echo "demo: $*" >&2
    exit 64
}

only_check=no
if [[ ${1:-} == --check ]]; then only_check=yes && shift; fi
class=${1:-default}
[[ $# -le 1 ]] || wrong "unknown argument '$2'; it takes one: the function class"
grep -qx "\[classes\.$class\]" "$config" ||
    wrong "no class '$class' in Config/dandelion.toml; there are: $(sed -n 's/^\[classes\.\(.*\)\]$/\1/p' "$config" | xargs)"
[[ $class != rwasm ]] || wrong "class 'rwasm' takes WebAssembly modules, and this application's functions are native"
[[ $only_check == no ]] || exit 0

. "$here/services.sh"
. "$here/report.sh"

dandelion=${DANDELION:-$root/.build/release/dandelion}
work=$(mktemp -d)
services_pid='' node_pid=''
stop() {
    local pid
    trap '' INT TERM HUP
    for pid in $node_pid $services_pid; do kill "$pid" 2> /dev/null || true; done
    for pid in $node_pid $services_pid; do wait "$pid" 2> /dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

step() { printf '\n== %s\n' "$*"; }

start_node() {
    local attempt port
    port=$(free_ports 1)
    "$dandelion" serve --config "$config" --listen "127.0.0.1:$port" \
        --state "$work/state" > "$work/node.out" 2> "$work/node.err" &
    node_pid=$!
    node=http://127.0.0.1:$port
    for ((attempt = 0; attempt < 300; attempt++)); do
        grep -qs '^Socket ready' "$work/node.out" && return
        kill -0 "$node_pid" 2> /dev/null || break
        sleep 0.1
    done
    cat "$work/node.out" "$work/node.err" >&2
    return 1
}

# put PATH FILE: registers, and tells the node's answer when it refuses.
put() {
    curl --silent --show-error --fail-with-body -H 'Accept: text/plain' --upload-file "$2" "$node/v1/$1" > "$work/answer" || {
        cat "$work/answer" >&2
        return 1
    }
}

# function_named NAME INPUTS OUTPUTS: compiles and registers one function.
function_named() {
    local file=${1,,}
    clang --config="$work/sdk/dandelion-freestanding.cfg" "$here/$file.c" -o "$work/$file"
    put "functions/$1?class=$class&inputs=$2&outputs=$3" "$work/$file"
    printf '  %-8s %-26s -> %-20s %6d bytes\n' "$1" "$2" "$3" "$(stat -c %s "$work/$file")"
}

# invoke TOKEN HEAD: runs the application; the report goes to the terminal, the reply's head to the file HEAD.
invoke() {
    curl --silent --show-error --fail-with-body --dump-header "$2" -H 'Accept: application/octet-stream' \
        --form "token=$1" --form "service=$auth_url" "$node/v1/invoke/LogProcessing"
}

cat << 'ABOUT'
The log-processing application of the paper's Figure 3, on this machine, in about 5 seconds:

  Access  ->  HTTP  ->  FanOut  ->  HTTP, ten at once  ->  Render
  makes a     asks      makes a     fetches                writes
  request     who may   request     every                  one
  of a token  see what  per log     log                    report

Access, FanOut and Render are programs in C that nobody trusts: each run gets a sandbox of its own, made
for it and thrown away after it, in which it can make no system call. HTTP is part of the platform.
ABOUT

step 'Real servers: nginx as an authorisation service and ten web sites, with some traffic for their logs'
start_services "$work/services"
load_services "$work/services" 300
echo "  authorisation at $auth_url, $site_count sites, $(cat "$work"/services/site-*.log | wc -l) requests served and logged"

step 'A worker node'
start_node
echo "  at $node; class '$class' runs on $(backend_of "$dandelion" "$config" "$class")"

step 'The functions, compiled and registered, and the composition that joins them (Examples/log-processing/log.dandelion)'
"$root/SDK/build.sh" --freestanding "$work/sdk" > /dev/null
function_named Access token,service request
function_named FanOut headers,bodies requests,failures
function_named Render headers,bodies,failures report
put compositions/LogProcessing "$here/log.dandelion"

step 'Invoked with the right token'
invoke "$good_token" "$work/first"

step 'Where the time went, in ms: this first time, and in the fastest of ten more, with connections open'
for run in {0..9}; do invoke "$good_token" "$work/run-$run" > /dev/null; done
timeline "$work/first" "$(fastest "$work"/run-*)"

step 'Invoked with a wrong token'
invoke wrong "$work/third"

cat << 'NEXT'

== What to try next

  ./dev demo process       the same in processes instead of virtual machines (or: kvm, secure)
  README.md                five minutes: write a function, register it, compose it
  Examples/README.md       what else is there to run
NEXT
