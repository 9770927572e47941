title="zopfli 1.0.3"
package=zopfli
file=zopfli_1.0.3.orig.tar.gz
sha256=e955a7739f71af37ef3349c4fa141c648e8775bceb2195be07e86f8e638814bd
classes="process kvm rwasm"
command="make CC=dandelion-cc zopfli"
build() { compile src/zopfli/*.c -lm -o zopfli_program; }

check() {
    for file in src/zopfli/zopfli_bin.c README COPYING; do
        one "$(basename $file)" bash -c '"$RUN" ./zopfli_program -c "$1" > t.gz && gzip -dc t.gz | cmp - "$1"' - $file
    done
}
