title="utf8proc 2.8.0"
package=utf8proc
file=utf8proc_2.8.0.orig.tar.gz
sha256=a0a60a79fe6f6d54e7d411facbfcc867a6e198608f2cd992490e46f04b1bcecc
classes="process kvm rwasm"
command="make CC=dandelion-cc libutf8proc.a"
sample=yes

build() {
    with_make libutf8proc.a
    for test in case custom iterate misc printproperty valid charwidth; do
        compile -DUTF8PROC_STATIC -I. test/$test.c test/tests.c libutf8proc.a -o $test
    done
}

# Those of its tests that need no data of Unicode's, which its makefile downloads.
check() { for test in case custom iterate misc valid charwidth; do one $test "$RUN" ./$test; done; }
