# Steps of ./dev: what they say, and how they end. To be sourced.

# The same on a terminal and in a pipe: SwiftPM takes colours for a change of every command line, and builds all again.
swift_flags=(--no-color-diagnostics)

fail() {
    echo "dev: $*" >&2
    exit 1
}

# step TITLE [EXPECTED_TIME]
step() { echo "== $1${2:+ ($2)}" >&2; }

child=''

# run COMMAND...: in a session of its own, so that whoever ends this script ends all that the command has started. Signals have
# their usual effect in it, which a shell takes from what it starts in the background.
run() {
    local status=0
    setsid env --default-signal=INT,QUIT "$@" < /dev/null &
    child=$!
    wait "$child" || status=$?
    child=''
    return "$status"
}

# Ends the command that runs, and waits until it and its children are gone, 10 seconds at most.
end_child() {
    local attempt
    [[ -n $child ]] || return 0
    kill -TERM -- "-$child" 2> /dev/null || true
    for ((attempt = 0; attempt < 100; attempt++)); do
        kill -0 -- "-$child" 2> /dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$child" 2> /dev/null || true
}

temporary=''

# A folder for whatever makes temporary files; removed at the end.
make_temporary() {
    temporary=$(mktemp -d "${TMPDIR:-/tmp}/dandelion-dev-XXXXXX")
    export TMPDIR=$temporary
}

# stopped NUMBER: a signal asks for the end.
stopped() {
    trap '' INT TERM HUP
    end_child
    echo 'dev: stopped' >&2
    exit $((128 + $1))
}

trap '[[ -z $temporary ]] || rm -rf "$temporary"' EXIT
trap 'stopped 1' HUP
trap 'stopped 2' INT
trap 'stopped 15' TERM
