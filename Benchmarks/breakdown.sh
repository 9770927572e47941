#!/usr/bin/env bash
# Where the time of one unloaded cold request goes, by backend, as in the paper's table 1; prints a Markdown table.
# Usage: breakdown.sh [--requests N] [CLASS...]; expects a built node and the toolchain's clang, see `./dev bench`.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
requests=1000
[[ ${1:-} != --requests ]] || { requests=$2 && shift 2; }
classes=("$@")
[[ ${#classes[@]} -gt 0 ]] || classes=(process kvm)
work=$(mktemp -d)
node=
trap '[[ -z $node ]] || kill "$node"; rm -rf "$work"' EXIT

"$root/SDK/build.sh" --freestanding "$work/sdk" > /dev/null
clang --config="$work/sdk/dandelion-freestanding.cfg" "$root/Examples/functions/matmul.c" -o "$work/matmul"
printf '\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0' > "$work/matrix"
"$root/.build/release/dandelion" serve --config "$root/Config/dandelion.toml" --listen 127.0.0.1:0 --state "$work/state" \
    > "$work/out" 2> "$work/log" &
node=$!
for ((attempt = 0; attempt < 100; attempt++)); do
    grep -q '^Socket ready' "$work/out" && break
    sleep 0.1
done
url=http://127.0.0.1:$(sed -n 's/.*serving on .*:\([0-9]*\)$/\1/p' "$work/log")

# The median of each stage in us; what the client sees beyond the node's own time is marshalling and the network.
table_row() { # CLASS
    local index
    curl -sf -o "$work/reply" -T "$work/matmul" "$url/v1/functions/$1?class=$1&inputs=in&outputs=out" || {
        echo "| $1 | unavailable: $(grep -m1 "plugin $1 " "$work/log" | sed 's/.*unavailable: //') | | | | | | |"
        return 0
    }
    for ((index = 0; index < requests; index++)); do
        # Each transfer of a config repeats its options; the connection is kept.
        [[ $index == 0 ]] || echo next
        printf 'url = "%s/v1/invoke/%s?fresh=true"\ndata-binary = "@%s"\noutput = "/dev/null"\nsilent\ndump-header = "-"\n' \
            "$url" "$1" "$work/matrix"
        printf 'write-out = "client;dur=%%{time_total}\\n"\n'
    done > "$work/requests"
    curl -K "$work/requests" | tr -d '\r' | tr ',' '\n' |
        sed -n 's/^\(.*[^a-z]\)\{0,1\}\([a-z][a-z]*\);dur=\([0-9.]*\)$/\2 \3/p' > "$work/stages"
    awk -v class="$1" '
        { n[$1]++; value[$1, n[$1]] = $2 * ($1 == "client" ? 1e6 : 1e3) }
        function median(name,   i, j, t, m) {
            m = n[name]
            for (i = 1; i <= m; i++) sorted[i] = value[name, i]
            for (i = 2; i <= m; i++) {
                t = sorted[i]
                for (j = i - 1; j > 0 && sorted[j] > t; j--) sorted[j + 1] = sorted[j]
                sorted[j + 1] = t
            }
            return sorted[int((m + 1) / 2)]
        }
        END {
            load = median("load"); input = median("input"); run = median("run"); output = median("output")
            total = median("total"); client = median("client")
            printf "| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", class, client - total, load, input, run, output,
                total - load - input - run - output, client
        }' "$work/stages"
}

echo "Unloaded, one connection, a fresh sandbox and the image read from the state folder each time; medians of $requests, us."
echo
echo '| backend | marshal and network | load from disk | transfer input | execute | output | other | total |'
echo '|---|---|---|---|---|---|---|---|'
for class in "${classes[@]}"; do table_row "$class"; done
