# ./dev install. To be sourced.

# swift_libraries FILE...: those of the Swift runtime that the files are linked with.
swift_libraries() { ldd "$@" | sed -n "s,.* => \($swift_resources/linux/[^ ]*\) .*,\1,p" | sort -u; }

# Puts the node below a folder, with the Swift runtime beside it: the machine that runs it needs no toolchain.
install_node() {
    local folder=${1:-/usr/local} built library
    [[ $# -le 1 ]] || nothing_more "${@:2}"
    [[ $folder != -* ]] || nothing_more "$folder"
    setup "${build_packages[@]}"
    find_toolchain
    build
    built=$(swift build -c release "${swift_flags[@]}" --show-bin-path)
    step "installing to $folder"
    mkdir -p "$folder/bin" "$folder/lib/dandelion"
    install -m 755 "$built"/dandelion "$built"/dandelion-wasm "$folder/lib/dandelion/"
    install -m 644 "$built"/libDandelion*.so "$folder/lib/dandelion/"
    while IFS= read -r library; do
        install -m 644 "$library" "$folder/lib/dandelion/"
    done < <(swift_libraries "$built"/dandelion "$built"/dandelion-wasm "$built"/libDandelion*.so)
    ln -sfn ../lib/dandelion/dandelion "$folder/bin/dandelion"
    "$folder/bin/dandelion" --version
    [[ :$PATH: == *":$folder/bin:"* ]] || echo "$folder/bin is not in PATH:  export PATH=$folder/bin:\$PATH"
}
