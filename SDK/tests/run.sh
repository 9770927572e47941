#!/usr/bin/env bash
# Builds the freestanding SDK and the example functions and runs them without a platform. Usage: SDK/tests/run.sh
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
clang=${CLANG:-clang}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sdk=$("$root/SDK/build.sh" --freestanding "$work/sdk" | tail -n 1)
passed=0

# build SOURCE [ARCHITECTURE_SUFFIX]: compiles one function.
build() {
    "$clang" --config="$sdk/dandelion-freestanding${2:-}.cfg" -Wall -Wextra -Werror "$1" -o "$work/$(basename "$1" .c)${2:-}"
}

# expect NAME EXIT_CODE EXPECTED_OUTPUT COMMAND...
expect() {
    local name=$1 code=$2 expected=$3 actual status=0
    shift 3
    actual=$("$@" 2>&1) || status=$?
    if [[ $status != "$code" || $actual != "$expected" ]]; then
        printf 'FAIL %s: exit code %s (expected %s), output:\n%s\nexpected:\n%s\n' \
            "$name" "$status" "$code" "$actual" "$expected"
        exit 1
    fi
    passed=$((passed + 1))
}

# words NUMBER...: little-endian 64-bit words.
words() {
    local number byte
    for number in "$@"; do
        for byte in 0 8 16 24 32 40 48 56; do printf "\\x$(printf %02x $((number >> byte & 255)))"; done
    done
}

cc -std=gnu11 -O1 -Wall -Wextra -Werror -I"$sdk/include" "$root/SDK/tests/run_image.c" -o "$work/run_image"
run=$work/run_image
for source in "$root"/SDK/tests/selftest.c "$root"/Examples/{functions,log-processing}/*.c; do
    build "$source"
    build "$source" -aarch64
done

status=0
"$run" -m 1 "$work/selftest" in:a#7=first in:b=second none: -- out log > "$work/selftest.out" || status=$?
[[ $status == 0 ]] || { echo "FAIL selftest: check $status"; exit 1; }
expect 'outputs keep their order within a set' 0 $'out/o1 #2\nout/o2 #4\nout/a #7\nlog/l1 #1\nlog/l2 #3' \
    grep -aoE '(out|log)/[ola][0-9]* #[0-9]+' "$work/selftest.out"
expect 'a function may return to the platform' 0 'out/a #3 2 bytes
hi' "$run" -r "$work/echo" in:a#3=hi -- out
expect 'echo without an output set' 1 '' "$run" "$work/echo" in:a=hi --

words 2 1 2 3 4 > "$work/a"
words 2 0 1 1 0 > "$work/b"
words 1 -3 > "$work/one"
words 3 1 2 3 4 > "$work/wrong"
product() { "$run" -o "$work" "$work/matmul" "$@" -- out > /dev/null && od -An -v -td8 -w8 "$work/out/a" | tr -d '\n '; }
expect 'A x A' 0 27101522 product "in:a=@$work/a"
expect 'A x B' 0 22143 product "in:a=@$work/a" "in:b=@$work/b"
expect '1 x 1' 0 19 product "in:a=@$work/one"
expect 'sizes differ' 1 '' product "in:a=@$work/a" "in:b=@$work/one"
expect 'not a matrix' 1 '' product "in:a=@$work/wrong"
expect 'busy' 0 'out/a #0 20 bytes
11960119808228829710' "$run" "$work/busy" in:a=3 -- out

expect 'Access' 0 'request/authorisation #0 79 bytes
GET http://h/a HTTP/1.1
Authorization: Bearer secret
Accept: application/json' "$run" "$work/access" token:t=secret$'\n' service:s=http://h/a -- request
expect 'Access refuses a token that ends the line' 1 '' \
    "$run" "$work/access" token:t=$'a\nHost: b' service:s=http://h/a -- request
fanout() { "$run" "$work/fanout" "headers:authorisation=$1" "bodies:authorisation=$2" -- requests failures; }
expect 'FanOut' 0 'requests/http://h/1 #0 44 bytes
GET http://h/1 HTTP/1.1
Accept: text/plain

requests/http://h/2 #1 44 bytes
GET http://h/2 HTTP/1.1
Accept: text/plain' fanout $'HTTP/1.1 200 OK\n' '[ "http://h/1",
 "http://h/2" ] '
expect 'FanOut tells a refusal' 0 'failures/authorisation #0 52 bytes
the authorisation service answered 401 Unauthorized' fanout $'HTTP/1.1 401 Unauthorized\nserver:x\n' 'no'
for body in '' '{}' '[' '["a]' '["a"' '["a",]' '["a" "b"]' '["a b"]' '["a\nb"]' '[""]' '["a"],' '["a"'; do
    expect "FanOut refuses $body" 0 'failures/authorisation #0 61 bytes
the authorisation service did not answer with a list of URLs' fanout 'HTTP/1.1 200 OK' "$body"
done

cat > "$work/log" << 'LOG'
127.0.0.1 - - [10/Oct/2025:13:55:36 +0000] "GET /a?x=1 HTTP/1.1" 200 1000 "-" "curl/7.88"
127.0.0.1 - - [10/Oct/2025:13:55:37 +0000] "GET /a HTTP/1.1" 200 24 "-" "curl/7.88"
127.0.0.1 - - [10/Oct/2025:13:55:38 +0000] "GET /missing HTTP/1.1" 404 153 "-" "curl/7.88"
not a log line
LOG
expect 'Render' 0 'service                              requests      2xx      3xx      4xx      5xx    bytes
one                                         4        2        0        1        0     1177  (1 not understood)
two                                  not read: 503 Service Unavailable
total                                       4        2        0        1        0     1177  (1 not understood)

path                                 requests
/a                                          2
/missing                                    1' bash -c '"$@" | tail -n +2' - \
    "$run" "$work/render" 'headers:one#4=HTTP/1.1 200 OK' 'headers:two#9=HTTP/1.1 503 Service Unavailable' \
    bodies:two#9=x "bodies:one#4=@$work/log" failures: -- report
expect 'Render tells a refusal' 0 'report/report.txt #0 16 bytes
No logs: because' "$run" "$work/render" headers: bodies: failures:a=because -- report

if objdump -d --no-show-raw-insn "$work"/{echo,matmul,busy,access,fanout,render} | grep -qwE 'syscall|sysenter|int'; then
    echo 'FAIL a function holds a system call'
    exit 1
fi
echo "SDK and examples: the self-test and $passed checks passed"
