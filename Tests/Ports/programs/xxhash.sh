title="xxHash 0.8.1"
package=xxhash
file=xxhash_0.8.1.orig.tar.gz
sha256=3bb6b7d6f30c591dd65aaaff1c8b7a5b94d81687998ca9400082c739a690436c
command="make CC=dandelion-cc xxhsum"

build() { with_make xxhsum; }

check() {
    head -c 1000003 /dev/zero | tr '\0' 'x' > data
    for algorithm in 0 1 2 3; do
        one "checksum H$algorithm" bash -c '"$RUN" ./xxhsum -q -H$1 data > sums && "$RUN" ./xxhsum -q -c sums' - $algorithm
    done
    one 'own benchmark ends' "$RUN" ./xxhsum -bi1
}
