#!/usr/bin/env bash
# Measures the node against floors in C, all in one run on this machine, and prints a Markdown report.
# Usage: run.sh [--class CLASS] [--requests N] [--rounds N] [--quick]; expects a built node, see `./dev bench`.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
class=process requests=4000 rounds=3 idle_seconds=10
while [[ $# -gt 0 ]]; do
    case $1 in
        --class) class=$2 && shift 2 ;;
        --requests) requests=$2 && shift 2 ;;
        --rounds) rounds=$2 && shift 2 ;;
        --quick) requests=500 rounds=1 idle_seconds=2 && shift ;;
        *) echo "run.sh: unknown option '$1'" >&2 && exit 2 ;;
    esac
done

. "$root/Examples/log-processing/services.sh" # free_ports
tools=$root/.build-bench
work=$(mktemp -d)
pids=()
stop() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2> /dev/null || true; done
    pids=()
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

progress() { echo "-- $*" >&2; }

compile() {
    local flags=(-std=gnu11 -O2 -Wall -Wextra -Werror)
    mkdir -p "$tools"
    cc "${flags[@]}" "$root/Benchmarks/floors/echo_epoll.c" -o "$tools/echo_epoll"
    cc "${flags[@]}" "$root/Benchmarks/load/loadgen.c" -o "$tools/loadgen"
    cc "${flags[@]}" "$root/Benchmarks/load/matmul_bson.c" -o "$tools/matmul_bson"
    cc "${flags[@]}" -static -no-pie -fno-stack-protector -fcf-protection=none \
        "$root/Benchmarks/floors/process_floor.c" -o "$tools/process_floor"
    cc "${flags[@]}" "$root/Benchmarks/floors/kvm_floor.c" -o "$tools/kvm_floor"
    "$root/SDK/build.sh" --freestanding "$work/sdk" > /dev/null
    clang --config="$work/sdk/dandelion-freestanding.cfg" "$root/Examples/functions/matmul.c" -o "$work/matmul"
    clang --config="$work/sdk/dandelion-freestanding.cfg" "$root/Examples/functions/busy.c" -o "$work/busy"
    "$tools/matmul_bson" 1 matmul "$work/small.request" "$work/small.reply"
    "$tools/matmul_bson" 128 matmul "$work/large.request" "$work/large.reply"
}

# The CPUs this script may use, one a line.
cpus() {
    local range
    for range in $(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status | tr ',' ' '); do
        seq "${range%-*}" "${range#*-}"
    done
}

# await FILE PID: until the server says that it accepts.
await() {
    local attempt
    for ((attempt = 0; attempt < 300; attempt++)); do
        grep -q '^Socket ready' "$1" && return
        kill -0 "$2" 2> /dev/null || break
        sleep 0.1
    done
    cat "$1" >&2
    return 1
}

start_echo() { # CPU
    port=$(free_ports 1)
    "$tools/echo_epoll" "$port" "$1" > "$work/echo.out" 2>&1 &
    pids+=($!)
    await "$work/echo.out" $!
}

start_node() { # CPU_LIST
    port=$(free_ports 1)
    rm -rf "$work/state"
    taskset -c "$1" "$root/.build/release/dandelion" serve --config "$root/Config/dandelion.toml" \
        --listen "127.0.0.1:$port" --state "$work/state" > "$work/node.out" 2>&1 &
    node_pid=$!
    pids+=("$node_pid")
    await "$work/node.out" "$node_pid"
    local name
    for name in matmul busy; do
        curl --silent --show-error --fail-with-body --output "$work/answer" --upload-file "$work/$name" \
            "http://127.0.0.1:$port/v1/functions/$name?class=$class&inputs=in&outputs=out" || {
            cat "$work/answer" >&2
            return 1
        }
    done
}

# measure NAME LOADGEN_OPTIONS...: adds a round's figures to $work/NAME.KEY; a wrong answer ends the run.
measure() {
    local name=$1 word
    shift
    "$tools/loadgen" --port "$port" "$@" > "$work/line" || { cat "$work/line" "$work/node.out" >&2; return 1; }
    for word in $(cat "$work/line"); do echo "${word#*=}" >> "$work/$name.${word%%=*}"; done
}

# keep NAME: notes the words of the line that a floor printed.
keep() {
    local word
    for word in $(cat "$work/line"); do echo "${word#*=}" >> "$work/$1.${word%%=*}"; done
}

# value NAME KEY: the median over the rounds.
value() { sort -n "$work/$1.$2" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

compute() { awk "BEGIN { printf \"%.2f\", ($1) }"; }

# Nanoseconds of CPU time that a process's threads and its children's have used.
cpu_time() {
    local pid
    for pid in "$1" $(pgrep -P "$1" || true); do cat "/proc/$pid"/task/*/schedstat 2> /dev/null || true; done |
        awk '{ sum += $1 } END { printf "%d", sum }'
}

# Kibibytes of proportional memory of a process's children.
children_memory() {
    local pid
    for pid in $(pgrep -P "$1" || true); do grep '^Pss:' "/proc/$pid/smaps_rollup" 2> /dev/null || true; done |
        awk '{ sum += $2 } END { print sum + 0 }'
}

measure_idle() {
    sleep 1
    local before after
    before=$(cpu_time "$node_pid")
    sleep "$idle_seconds"
    after=$(cpu_time "$node_pid")
    compute "($after - $before) / ($idle_seconds * 1e7)" > "$work/idle.cpu"
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$node_pid/status" > "$work/idle.rss"
    children_memory "$node_pid" > "$work/idle.children"
}

# One round: floors and node in turn, so that the machine's mood is the same for all.
run_round() {
    local small=(--body "$work/small.request") exact=(--expect "$work/small.reply") kind
    progress 'echo'
    start_echo "$here"
    measure echo_paced "${small[@]}" --cpu "$here" --rate 1000 --requests "$requests" --warmup 200
    measure echo_closed "${small[@]}" --cpu "$here" --requests $((requests * 4))
    if [[ -n $there ]]; then
        measure echo_paced_apart "${small[@]}" --cpu "$there" --rate 1000 --requests "$requests" --warmup 200
        measure echo_closed_apart "${small[@]}" --cpu "$there" --requests $((requests * 4))
    fi
    stop
    if [[ $class == kvm ]]; then
        progress 'KVM floor'
        # Its words in the form of the other floors'; an invocation that touches no page of its own.
        taskset -c "$here" "$tools/kvm_floor" |
            awk '$1 == "run_0" { printf "ready_p50=%s ready_p99=%s ", $2, $3 }
                $1 == "cycle_0" { printf "cycle_p50=%s cycle_p99=%s\n", $2, $3 }' > "$work/line"
        keep floor_kvm
    fi
    progress 'process floor'
    "$tools/process_floor" "$here" "$((requests / 2))" 1000 > "$work/line"
    keep floor_paced
    "$tools/process_floor" "$here" "$requests" > "$work/line"
    keep floor
    progress 'node'
    start_node "$here"
    [[ -e $work/idle.cpu ]] || measure_idle
    for kind in cold hot; do
        measure "${kind}_paced" --path "/$kind/matmul" "${small[@]}" "${exact[@]}" --cpu "$here" --rate 1000 \
            --requests "$requests" --warmup 200
        measure "${kind}_closed" --path "/$kind/matmul" "${small[@]}" "${exact[@]}" --cpu "$here" \
            --requests "$requests" --warmup 500
        [[ -n $there ]] || continue
        measure "${kind}_paced_apart" --path "/$kind/matmul" "${small[@]}" "${exact[@]}" --cpu "$there" --rate 1000 \
            --requests "$requests" --warmup 200
        measure "${kind}_closed_apart" --path "/$kind/matmul" "${small[@]}" "${exact[@]}" --cpu "$there" \
            --requests "$requests" --warmup 500
    done
    measure large_closed --path /hot/matmul --body "$work/large.request" --expect "$work/large.reply" --cpu "$here" \
        --requests $((requests / 4)) --warmup 50
    stop
}

# Short requests while long functions run: with as many CPUs as there are, or two on one.
run_mixed() {
    progress 'short requests beside long ones'
    start_node "$here${there:+,$there}"
    echo 400000000 > "$work/iterations"
    "$tools/loadgen" --port "$port" --path /v1/invoke/busy --body "$work/iterations" --requests 1 --warmup 0 \
        > "$work/busy_line"
    "$tools/loadgen" --port "$port" --path /v1/invoke/busy --body "$work/iterations" --requests 100 --warmup 0 \
        > /dev/null 2>&1 &
    local busy=$!
    pids+=("$busy")
    measure mixed --path /hot/matmul --body "$work/small.request" --expect "$work/small.reply" --rate 200 \
        --requests $((requests / 4)) --warmup 20
    stop
}

row() { # TITLE NAME [PREFIX]
    local prefix=${3:-}
    [[ -e $work/$2.${prefix}p50 ]] || return 0
    printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "$(value "$2" "${prefix}p50")" "$(value "$2" "${prefix}p90")" \
        "$(value "$2" "${prefix}p99")" "$(value "$2" "${prefix}p999")" "${4:-$(value "$2" rate 2> /dev/null || echo -)}"
}

verdict() { # TITLE VALUE BOUND at-most|at-least
    local met
    if [[ $4 == at-most ]]; then met=$(compute "$2 <= $3"); else met=$(compute "$2 >= $3"); fi
    printf '| %s | %s | %s %s | %s |\n' "$1" "$2" "${4/-/ }" "$3" "$([[ $met == 1.00 ]] && echo yes || echo no)"
}

report() {
    local floor=floor sum sum_paced cycle bound=1.5
    if [[ $class == kvm ]]; then floor=floor_kvm bound=1.4; fi
    sum=$(compute "$(value echo_paced p50) + $(value $floor ready_p50)")
    sum_paced=$(compute "$(value echo_paced p50) + $(value floor_paced ready_p50)")
    cycle=$(compute "$(value echo_closed p50) + $(value $floor cycle_p50)")
    cat << HEAD
## Cold start: class \`$class\`

$(sed -n 's/^model name\t*: //p' /proc/cpuinfo | head -n 1), $(cpus | wc -l) CPUs, Linux $(uname -r), $(date -u +%F); $requests requests a row,
median of $rounds rounds. One keep-alive connection; every answer is checked byte by byte. Times in us.
"Paced" is one request every millisecond, "back to back" the next one at the answer. Every invocation runs in a fresh
sandbox; /hot takes the image from memory, /cold reads it from the state folder (the page cache) each time.

| | p50 | p90 | p99 | p99.9 | requests/s |
|---|---|---|---|---|---|
HEAD
    row 'floor: epoll echo, paced, same CPU' echo_paced
    row 'floor: epoll echo, back to back, same CPU' echo_closed
    row 'floor: epoll echo, paced, CPUs apart' echo_paced_apart
    row 'floor: epoll echo, back to back, CPUs apart' echo_closed_apart
    row 'floor: ready process, 104 KiB in, 4 KiB out' floor ready_ -
    row 'floor: ready process, paced' floor_paced ready_ -
    row 'floor: the same, kill, reap, zero, refill' floor cycle_ "$(compute "1e6 / $(value floor cycle_p50)")"
    if [[ $class == kvm ]]; then
        printf '| floor: one KVM_RUN, 104 KiB in, 4 KiB out | %s | | %s | | - |\n' "$(value floor_kvm ready_p50)" \
            "$(value floor_kvm ready_p99)"
    fi
    for kind in cold hot; do
        row "node: 1x1 product, /$kind, paced, same CPU" "${kind}_paced"
        row "node: 1x1 product, /$kind, back to back, same CPU" "${kind}_closed"
        row "node: 1x1 product, /$kind, paced, CPUs apart" "${kind}_paced_apart"
        row "node: 1x1 product, /$kind, back to back, CPUs apart" "${kind}_closed_apart"
    done
    row 'node: 128x128 product, /hot, back to back, same CPU' large_closed
    row "node: 1x1 product, /hot, 200/s, beside functions of $(sed 's/.* p50=\([0-9]*\).*/\1/' "$work/busy_line") us" mixed
    cat << TARGETS

| target | measured | bound | met |
|---|---|---|---|
TARGETS
    for kind in cold hot; do
        verdict "/$kind, paced, same CPU: p50 / (echo + sandbox = $sum)" \
            "$(compute "$(value ${kind}_paced p50) / $sum")" "$bound" at-most
        if [[ $class != kvm ]]; then
            verdict "... with the ready process paced, too ($sum_paced)" \
                "$(compute "$(value ${kind}_paced p50) / $sum_paced")" "$bound" at-most
        fi
        verdict '... p99 / (echo + sandbox)' "$(compute "$(value ${kind}_paced p99) / $sum")" 4 at-most
        verdict "/$kind, back to back, same CPU: requests/s x (echo + cycle = $cycle us)" \
            "$(compute "$(value ${kind}_closed rate) * $cycle / 1e6")" 0.6 at-least
    done
    verdict 'idle node, % of one CPU' "$(cat "$work/idle.cpu")" 1 at-most
    verdict 'idle node, RSS in MiB' "$(compute "$(cat "$work/idle.rss") / 1024")" 40 at-most
    verdict '(its helper processes, PSS in MiB)' "$(compute "$(cat "$work/idle.children") / 1024")" 40 at-most
}

progress 'compiling'
compile
mapfile -t available < <(cpus)
here=${available[0]} there=${available[1]:-}
[[ -n $there ]] || progress 'one CPU only: no rows with CPUs apart'
for ((round = 1; round <= rounds; round++)); do
    progress "round $round of $rounds"
    run_round
done
run_mixed
report
