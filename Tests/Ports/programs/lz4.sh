title="LZ4 1.9.4"
package=lz4
file=lz4_1.9.4.orig.tar.gz
sha256=0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b
command="make CC=dandelion-cc lz4"

build() { with_make -C programs lz4 && with_make -C tests fuzzer frametest datagen; }

check() {
    "$RUN" tests/datagen -g2000000 > data
    for level in 1 5 9 12; do
        one "round trip -$level" bash -c '"$RUN" programs/lz4 -q -f -$1 data d.lz4 && "$RUN" programs/lz4 -q -d -f d.lz4 d.back && cmp data d.back' - $level
    done
    one 'standard streams' bash -c '"$RUN" programs/lz4 -q < data | "$RUN" programs/lz4 -q -d | cmp data -'
    one fuzzer "$RUN" tests/fuzzer -i300
    one frametest "$RUN" tests/frametest -i100
}
