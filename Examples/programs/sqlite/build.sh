#!/usr/bin/env bash
# Builds the function query.c with SQLite in it. Usage: build.sh SDK_FOLDER OUTPUT [CONFIG]
# SQLite comes from Debian's source package, checked by its SHA-256 and kept, as SQLite's one file sqlite3.c, in the
# cache; SQLITE_SRC names another place: that tar file, or a folder with sqlite3.c and sqlite3.h.
# Exits with 77 when the source cannot be had.
set -euo pipefail

[[ $# == 2 || $# == 3 ]] || { sed -n 2p "$0" >&2 && exit 64; }
here=$(cd "$(dirname "$0")" && pwd)
sdk=$1 output=$2 config=${3:-dandelion}
sha256=aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655
archive=sqlite3_3.40.1.orig.tar.xz
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dandelion/sqlite-${sha256:0:16}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unavailable() { echo "sqlite: $*" >&2 && exit 77; }

# Downloads Debian's archive into the work folder with lists of its own: neither root nor the system's apt setup is touched.
download() {
    local uri options
    command -v apt-get > /dev/null || unavailable "no apt-get; set SQLITE_SRC to $archive"
    uri=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^bookworm main //p' | head -n 1)
    [[ -n $uri ]] || unavailable "apt knows no Debian bookworm; set SQLITE_SRC to $archive"
    mkdir -p "$work"/apt/{lists,cache/archives}/partial
    printf 'Types: deb-src\nURIs: %s\nSuites: bookworm\nComponents: main\nSigned-By: %s\n' \
        "$uri" /usr/share/keyrings/debian-archive-keyring.gpg > "$work/apt/debian.sources"
    options=(-o "Dir::Etc::SourceList=$work/apt/debian.sources" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=)
    echo 'sqlite: downloading the source package (14 MB)' >&2
    (cd "$work" && apt-get -qq "${options[@]}" update && apt-get -qq "${options[@]}" source --download-only sqlite3) >&2 ||
        unavailable "Debian's source package cannot be had; set SQLITE_SRC to $archive"
}

# Makes sqlite3.c and sqlite3.h of an archive, with SQLite's own tools.
amalgamate() {
    local found
    found=$(sha256sum "$1" | cut -d ' ' -f 1)
    [[ $found == "$sha256" ]] || { echo "sqlite: $1 has the SHA-256 $found, expected $sha256" >&2 && exit 1; }
    command -v tclsh > /dev/null || unavailable 'no tclsh, which makes sqlite3.c: apt-get install tcl'
    echo 'sqlite: making sqlite3.c' >&2
    mkdir "$work/source"
    tar xf "$1" -C "$work/source" --strip-components=1
    (cd "$work/source" && ./configure --quiet --disable-tcl --disable-readline && make -s sqlite3.c) > "$work/log" 2>&1 ||
        { cat "$work/log" >&2 && exit 1; }
    mkdir -p "$(dirname "$cache")"
    mkdir "$work/kept"
    cp "$work"/source/sqlite3.[ch] "$work/kept/"
    [[ -d $cache ]] || mv "$work/kept" "$cache" 2> /dev/null || [[ -d $cache ]]
}

source_folder=$cache
if [[ -n ${SQLITE_SRC:-} && -d $SQLITE_SRC ]]; then
    source_folder=$SQLITE_SRC
elif [[ ! -f $cache/sqlite3.c ]]; then
    [[ -n ${SQLITE_SRC:-} ]] || download
    amalgamate "${SQLITE_SRC:-$work/$archive}"
fi

echo 'sqlite: compiling' >&2
# One thread, no shared objects, and nothing on disk beside the database: temporary tables lie in memory.
clang --config="$sdk/$config.cfg" -w -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL \
    -DSQLITE_TEMP_STORE=3 -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_DQS=0 -DSQLITE_ENABLE_MATH_FUNCTIONS \
    -I"$source_folder" "$source_folder/sqlite3.c" "$here/query.c" -o "$output"
