#!/usr/bin/env bash
# run.sh TARGET [ARGUMENT...]: fuzzes one parser with libFuzzer and AddressSanitizer, beginning with its corpus.
# ARGUMENTs are libFuzzer's (-runs=N, -max_total_time=SECONDS, a file to run one input). `run.sh list` names the targets,
# `run.sh build` only builds, `run.sh minimise TARGET` makes the corpus as small as its coverage allows.
# New inputs go to .build-fuzz/TARGET, inputs that fail to .build-fuzz/TARGET-failed-*.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DANDELION_FUZZ=1
folder=.build-fuzz
fuzzer=$folder/release/dandelion-fuzz

build() {
    local runtime
    runtime=$(clang -print-resource-dir)/lib/linux/libclang_rt.fuzzer_no_main-x86_64.a
    swift build -c release --scratch-path $folder --product dandelion-fuzz --sanitize address -Xswiftc -enable-testing \
        -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp,indirect-calls \
        -Xswiftc -use-ld=lld -Xlinker --allow-multiple-definition `# each plugin has an entry symbol` \
        -Xlinker "$runtime" -Xlinker -lstdc++ >&2
}

build
case ${1:-list} in
    build) exit ;;
    list)
        FUZZ_TARGET='' $fuzzer || true
        exit
        ;;
    minimise)
        export FUZZ_TARGET=$2
        mkdir -p "$folder/$2" "$folder/minimised"
        $fuzzer -merge=1 -artifact_prefix="$folder/$2-failed-" "$folder/minimised" "Tests/Fuzz/corpus/$2" "$folder/$2"
        rm -rf "Tests/Fuzz/corpus/$2" && mv "$folder/minimised" "Tests/Fuzz/corpus/$2"
        exit
        ;;
esac
export FUZZ_TARGET=$1
shift
mkdir -p "$folder/$FUZZ_TARGET"
exec $fuzzer -artifact_prefix="$folder/$FUZZ_TARGET-failed-" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
    "$@" "$folder/$FUZZ_TARGET" "Tests/Fuzz/corpus/$FUZZ_TARGET"
