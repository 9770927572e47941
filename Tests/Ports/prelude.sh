# Sourced before a program's file. SDK is the SDK folder, RUN runs an image in a sandbox (`dandelion run --here`).
set -euo pipefail
jobs=${JOBS:-2}
host=x86_64-linux-musl
[[ -z ${DANDELION_VARIANT:-} ]] || host=wasm32-wasi

# Builds as their users type them.
autotools() {
    CONFIG_SITE=$SDK/config.site ./configure --host=$host --disable-shared "$@"
    make -j"$jobs"
}
with_cmake() {
    cmake -G Ninja -B build -DCMAKE_TOOLCHAIN_FILE="$SDK/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release \
        -DDANDELION_VARIANT="${DANDELION_VARIANT:-}" "$@"
    ninja -C build -j "$jobs"
}
with_make() { make -j"$jobs" CC="$SDK/bin/dandelion-cc" CXX="$SDK/bin/dandelion-c++" AR=llvm-ar RANLIB=llvm-ranlib "$@"; }
compile() { "$SDK/bin/dandelion-cc" -O2 "$@"; }
compile_cxx() { "$SDK/bin/dandelion-c++" -O2 -std=c++20 "$@"; }

# Results are lines "ok NAME", "not ok NAME", "skip NAME".
# one NAME COMMAND...: one test, which passes when the command succeeds.
one() {
    local name=$1
    shift
    if "$@" > log.one 2>&1; then echo "ok $name"; else echo "not ok $name" && tail -n 5 log.one >&2; fi
}
# same NAME EXPECTED_FILE COMMAND...: passes when the command prints what the file holds.
same() {
    local name=$1 expected=$2
    shift 2
    if "$@" 2>&1 | cmp -s - "$expected"; then echo "ok $name"; else echo "not ok $name"; fi
}
# Translations of what test drivers print.
automake_results() { sed -nE 's/^PASS: /ok /p; s/^XFAIL: /ok /p; s/^(FAIL|XPASS|ERROR): /not ok /p; s/^SKIP: /skip /p'; }
ctest_results() {
    sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .*Passed.*/ok \1/p
        s/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .*(Failed|Timeout|Exception|Not Run).*/not ok \1/p'
}
gtest_results() { sed -nE 's/^\[ +OK \] ([^ (]+).*/ok \1/p; s/^\[  FAILED  \] ([^ (]+) \(.*/not ok \1/p; s/^\[  SKIPPED \] ([^ (]+) \(.*/skip \1/p'; }
tap_results() { sed -nE 's/^not ok [0-9]* *-? *(.*)/not ok \1/p; s/^ok [0-9]* *-? *(.*)# [Ss][Kk][Ii][Pp].*/skip \1/p; t; s/^ok [0-9]* *-? *(.*)/ok \1/p'; }
