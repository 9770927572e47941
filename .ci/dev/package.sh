# ./dev package. To be sourced.

# system_packages FILE...: the Debian packages of the libraries that the files name, but for the Swift runtime.
system_packages() {
    local library package needed
    needed=$(readelf -d "$@" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u)
    ldd "$@" | sed -n 's,^\s*\([^ ]*\) => \(/[^ ]*\) .*,\1 \2,p' | sort -u | grep -v " $swift_resources/" |
        grep -wF "$needed" | cut -d ' ' -f 2 | while IFS= read -r library; do
        library=$(realpath "$library")
        # Packages name the paths of before /lib became a link.
        package=$(dpkg -S "$library" 2> /dev/null || dpkg -S "${library#/usr}" 2> /dev/null) || continue
        echo "${package%%:*}"
    done | sort -u
}

# dependencies FILE...: for the field Depends.
dependencies() {
    local package version
    system_packages "$@" | while IFS= read -r package; do
        # What was built with these may use symbols of theirs that earlier ones lack.
        case $package in
            libc6 | libstdc++6)
                version=$(dpkg-query -W -f '${Version}' "$package")
                echo "$package (>= ${version%%-*})" ;;
            *) echo "$package" ;;
        esac
    done | paste -sd , | sed 's/,/, /g'
}

# share_files BUILT FOLDER: manual, completions and documents below FOLDER.
share_files() {
    local node=$1/dandelion share=$2
    mkdir -p "$share"/man/man1 "$share"/bash-completion/completions "$share"/zsh/vendor-completions \
        "$share"/fish/vendor_completions.d "$share"/doc/dandelion
    "$node" --experimental-dump-help | python3 .ci/dev/manual.py | gzip -9n > "$share/man/man1/dandelion.1.gz"
    "$node" --generate-completion-script bash > "$share/bash-completion/completions/dandelion"
    "$node" --generate-completion-script zsh > "$share/zsh/vendor-completions/_dandelion"
    "$node" --generate-completion-script fish > "$share/fish/vendor_completions.d/dandelion.fish"
    install -m 644 README.md "$share/doc/dandelion/"
    gzip -9nc CHANGELOG.md > "$share/doc/dandelion/changelog.gz"
    cat NOTICE LICENSE > "$share/doc/dandelion/copyright"
    cp -r Config/monitoring "$share/doc/dandelion/"
}

# archive FOLDER NAME TO: FOLDER/NAME as a tar file, the same bytes for the same commit.
archive() {
    local date
    date=$(git log -1 --format=%ct 2> /dev/null || echo 0)
    tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$date" -cf - "$2" | gzip -9n > "$3"
}

# debian BUILT ROOT VERSION ARCHITECTURE: what the package's control files say.
debian() {
    local built=$1 root=$2 control=$2/DEBIAN
    mkdir -p "$control"
    cat > "$control/control" << CONTROL
Package: dandelion
Version: $3
Architecture: $4
Maintainer: The Dandelion authors <dandelion@localhost>
Section: net
Priority: optional
Depends: $(dependencies "$built"/dandelion "$built"/dandelion-wasm "$built"/libDandelion*.so), adduser, ca-certificates
Suggests: rustc
Description: serverless worker node with a fresh sandbox for every request
 Runs untrusted functions in virtual machines, processes or compiled
 WebAssembly, and compositions of them, over HTTP. The class for WebAssembly
 needs rustc; the class kvm needs /dev/kvm.
CONTROL
    echo /etc/dandelion/dandelion.toml > "$control/conffiles"
    install -m 755 .ci/dev/debian/postinst .ci/dev/debian/prerm .ci/dev/debian/postrm "$control/"
}

# The unit of Docs/systemd as the package installs it.
package_unit() {
    sed -e '1s,.*,# Installed by the package dandelion; `systemctl edit dandelion` changes it.,' \
        -e '2d' \
        -e 's,^ExecStart=.*,ExecStart=/usr/bin/dandelion serve --config /etc/dandelion/dandelion.toml --state /var/lib/dandelion,' \
        Docs/systemd/dandelion.service
    printf '\n[Install]\nWantedBy=multi-user.target\n'
}

# package_from BUILT FOLDER: makes the archive and the package out of a build.
package_from() {
    local built=$1 folder=$2 work version architecture name
    version=$(sed -n 's/^#define DANDELION_VERSION "\(.*\)"/\1/p' Sources/Version/version.h)
    architecture=$(dpkg --print-architecture)
    name=dandelion-$version-linux-$(uname -m)
    work=$(mktemp -d)
    chmod 755 "$work"
    mkdir -p "$folder"
    stage_node "$built" "$work/$name"
    share_files "$built" "$work/$name/share"
    mkdir -p "$work/$name/etc" "$work/root/etc/dandelion" "$work/root/usr/lib/systemd/system"
    "$built/dandelion" default-config | tee "$work/$name/etc/dandelion.toml" > "$work/root/etc/dandelion/dandelion.toml"
    install -m 644 LICENSE "$work/$name/"
    archive "$work" "$name" "$folder/$name.tar.gz"

    stage_node "$built" "$work/root/usr"
    share_files "$built" "$work/root/usr/share"
    package_unit > "$work/root/usr/lib/systemd/system/dandelion.service"
    debian "$built" "$work/root" "$version" "$architecture"
    dpkg-deb --root-owner-group -Zxz --build "$work/root" "$folder/dandelion_${version}_$architecture.deb" > /dev/null
    rm -rf "$work"
    ls -lh "$folder/$name.tar.gz" "$folder/dandelion_${version}_$architecture.deb"
}

package_node() {
    local folder=${1:-.build/packages}
    [[ $# -le 1 ]] || nothing_more "${@:2}"
    [[ $folder != -* ]] || nothing_more "$folder"
    setup "${build_packages[@]}" python3
    find_toolchain
    build
    step "packaging to $folder" 'half a minute'
    package_from "$(swift build -c release "${swift_flags[@]}" --show-bin-path)" "$folder"
}
