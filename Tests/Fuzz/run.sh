#!/usr/bin/env bash
# run.sh TARGET [ARGUMENT...]: fuzzes one parser with libFuzzer and AddressSanitizer, beginning with its corpus.
# ARGUMENTs are libFuzzer's (-runs=N, -max_total_time=SECONDS, a file to run one input). `run.sh list` names the targets,
# `run.sh build` only builds, `run.sh sample SECONDS` fuzzes every target for so long, `run.sh minimise TARGET` makes the corpus
# as small as its coverage allows.
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

# names: of the targets.
names() { ls Tests/Fuzz/corpus; }

# fuzz TARGET ARGUMENT...
fuzz() {
    export FUZZ_TARGET=$1
    mkdir -p "$folder/$1"
    $fuzzer -artifact_prefix="$folder/$1-failed-" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
        "${@:2}" "$folder/$1" "Tests/Fuzz/corpus/$1"
}

if [[ ${1:-list} == list ]]; then
    names
    exit
fi
build
case $1 in
    build) exit ;;
    sample)
        failed=()
        for target in $(names); do
            echo "== $target" >&2
            fuzz "$target" -max_total_time="$2" -print_final_stats=1 2> "$folder/$target.log" || failed+=("$target")
            grep -E 'number_of_executed_units|SUMMARY|Test unit' "$folder/$target.log" >&2 || true
        done
        [[ ${#failed[@]} == 0 ]] || echo "failed: ${failed[*]}; the inputs are in $folder" >&2
        exit $((${#failed[@]} > 0))
        ;;
    minimise)
        export FUZZ_TARGET=$2
        mkdir -p "$folder/$2" "$folder/minimised"
        $fuzzer -set_cover_merge=1 -use_counters=0 -use_cmp=0 -artifact_prefix="$folder/$2-failed-" "$folder/minimised" "Tests/Fuzz/corpus/$2" "$folder/$2"
        rm -rf "Tests/Fuzz/corpus/$2" && mv "$folder/minimised" "Tests/Fuzz/corpus/$2"
        exit
        ;;
esac
fuzz "$@"
