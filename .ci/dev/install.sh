# ./dev install. To be sourced.

# swift_libraries FILE...: those of the Swift runtime that the files are linked with.
swift_libraries() { ldd "$@" | sed -n "s,.* => \($swift_resources/linux/[^ ]*\) .*,\1,p" | sort -u; }

# stage_node BUILT FOLDER: puts a build below a folder, with the Swift runtime beside it.
stage_node() {
    local built=$1 folder=$2 library
    mkdir -p "$folder/bin" "$folder/lib/dandelion"
    install -m 755 "$built"/dandelion "$built"/dandelion-wasm "$folder/lib/dandelion/"
    install -m 644 "$built"/libDandelion*.so "$folder/lib/dandelion/"
    while IFS= read -r library; do
        install -m 644 "$library" "$folder/lib/dandelion/"
    done < <(swift_libraries "$built"/dandelion "$built"/dandelion-wasm "$built"/libDandelion*.so)
    ln -sfn ../lib/dandelion/dandelion "$folder/bin/dandelion"
}

# Puts the node below a folder: the machine that runs it needs no toolchain.
install_node() {
    local folder=${1:-/usr/local}
    [[ $# -le 1 ]] || nothing_more "${@:2}"
    [[ $folder != -* ]] || nothing_more "$folder"
    setup "${build_packages[@]}"
    find_toolchain
    build
    step "installing to $folder"
    stage_node "$(swift build -c release "${swift_flags[@]}" --show-bin-path)" "$folder"
    "$folder/bin/dandelion" --version
    [[ :$PATH: == *":$folder/bin:"* ]] || echo "$folder/bin is not in PATH:  export PATH=$folder/bin:\$PATH"
}
