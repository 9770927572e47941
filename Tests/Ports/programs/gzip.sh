title="gzip 1.12"
package=gzip
file=gzip_1.12.orig.tar.xz
sha256=ce5e03e519f637e1f814011ace35c4f87b33c0bbabeec35baf5fbd3479e91956
command="./configure --host=x86_64-linux-musl && make"
build() { autotools --disable-dependency-tracking && make; }

check() {
    head -c 2000000 lib/libgzip.a > data
    for level in 1 6 9; do
        one "round trip -$level" bash -c '"$RUN" ./gzip -$1 -c data > d.gz && "$RUN" ./gzip -d -c d.gz | cmp - data && gzip -t d.gz' - "$level"
    done
    one 'a truncated file is refused' bash -c 'head -c 1000 d.gz > t.gz; ! "$RUN" ./gzip -t t.gz'
}
