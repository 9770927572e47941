title="bzip2 1.0.8"
package=bzip2
file=bzip2_1.0.8.orig.tar.gz
sha256=ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269
command="make CC=dandelion-cc"
sample=yes

build() { with_make bzip2; }

check() {
    for number in 1 2 3; do
        same "sample$number compressed" "sample$number.bz2" "$RUN" ./bzip2 -$number -c "sample$number.ref"
        same "sample$number expanded" "sample$number.ref" "$RUN" ./bzip2 -d -c "sample$number.bz2"
    done
}
